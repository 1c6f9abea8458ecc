/** The number of CPUs that this process may use, in every runtime. At least 1. */
export const cpus = (): number => globalThis.navigator?.hardwareConcurrency ?? 1
