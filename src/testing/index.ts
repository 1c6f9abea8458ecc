/**
 * The laws of dispatchers as a test suite, a simulation of whole programs, an executor that runs nothing, and an
 * executor that injects faults.
 */
import * as History from "./history.ts"

export * from "./faultInjection.ts"
export { default as handlers, make as makeHandlers } from "./handlers.ts"
export {
  /**
   * Checks the history of a run against the promises of delivery.
   *
   * @stability unstable
   * @category checks
   * @since 0.1.0
   */
  History
}
export { allLaws } from "./allLaws.ts"
export { type CheckedProperty, checkLaws } from "./check.ts"
export * from "./noop.ts"
export { type Observer, Probe } from "./probe.ts"
export {
  applies,
  type Capability,
  type CheckOptions,
  type Law,
  LawBroken,
  type Property,
  SharedDispatcher,
  type Subject,
  type SubjectOptions
} from "./property.ts"
export { type Kind, kinds, type KindSetup, makeSimulatedExecutor, type SimulatedHandlers } from "./simulation/kinds.ts"
export { type ProgramPlan } from "./simulation/program.ts"
export { simulate, type SimulateOptions, SimulationFailed } from "./simulation/simulate.ts"
export { type ProgramRun, shrinkProgram, simulateProgram } from "./simulation/simulateProgram.ts"
export { SimulatedTasks } from "./simulation/tasks.ts"
export { storeLaws, type StoreSubject } from "./stores.ts"
export * from "./suite.ts"
export { Tasks } from "./tasks.ts"

/**
 * The URL of the handlers module of the laws, for a dispatcher whose workers import their handlers.
 *
 * @stability unstable
 * @category laws
 * @since 0.1.0
 */
export const handlersUrl: URL = new URL("./handlers.ts", import.meta.url)
