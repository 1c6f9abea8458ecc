/**
 * How many random inputs the tests take. All tests run everywhere; `npm test` takes two fifths of the inputs of CI, so that
 * it can run after each change, and `npm run test:chaos` takes the most.
 */
const { CI, PAPYROS_CHAOS } = process.env

export const isChaos = PAPYROS_CHAOS !== undefined

const LOCAL = 0.4

/** The factor or number of inputs for this run, of those for CI and for chaos. */
export const effort = (ci: number, chaos = ci): number => isChaos ? chaos : CI === "true" ? ci : LOCAL * ci
