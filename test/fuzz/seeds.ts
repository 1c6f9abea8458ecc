/** Seeds of connections that have shown a fault, with the fault. Every one is run by `npm test`. */
export const kept: ReadonlyArray<number> = []
