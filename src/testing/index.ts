/** The laws of dispatchers as a suite, a simulation of whole programs, and executors that do nothing or go wrong on purpose. */
export * from "./faultInjection.ts"
export { default as handlers, make as makeHandlers } from "./handlers.ts"
export * as History from "./history.ts"
export * from "./noop.ts"
export { type Observer, Probe } from "./probe.ts"
export {
  applies,
  type Capability,
  type CheckOptions,
  type Law,
  LawBroken,
  type Property,
  type Subject,
  type SubjectOptions
} from "./property.ts"
export { type Kind, kinds, type KindSetup, makeSimulatedExecutor, type SimulatedHandlers } from "./simulation/kinds.ts"
export { type KnownFaults, todaysFaults } from "./simulation/knownFaults.ts"
export { type ProgramPlan } from "./simulation/program.ts"
export { simulate, type SimulateOptions, SimulationFailed } from "./simulation/simulate.ts"
export { type ProgramRun, shrinkProgram, simulateProgram } from "./simulation/simulateProgram.ts"
export { SimulatedTasks } from "./simulation/tasks.ts"
export * from "./suite.ts"
export { Tasks } from "./tasks.ts"

/**
 * Where the handlers are, for a dispatcher that loads them where the work is done.
 *
 * @category laws
 */
export const handlersUrl: URL = new URL("./handlers.ts", import.meta.url)
