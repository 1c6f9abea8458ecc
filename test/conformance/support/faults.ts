/**
 * The known faults that claims of the suite show, by their numbers. A claim that a fault breaks is expected to fail, and
 * its test fails when the fault is mended: then the claim loses its mark, and a fault without claims leaves this list.
 */
export const faults = {} as const

export type Fault = keyof typeof faults
