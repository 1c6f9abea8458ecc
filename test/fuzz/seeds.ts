/** Seeds of connections that have shown a fault, with the fault. Every one is run by `npm test`. */
export const kept: ReadonlyArray<number> = []

/** The same of connections of hostile workers and of hostile name servers. */
export const keptOfClient: ReadonlyArray<number> = []
