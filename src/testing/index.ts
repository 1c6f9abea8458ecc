/** The laws of dispatchers as a suite, and executors that do nothing or go wrong on purpose. */
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
export * from "./suite.ts"
export { Tasks } from "./tasks.ts"

/**
 * Where the handlers are, for a dispatcher that loads them where the work is done.
 *
 * @category laws
 */
export const handlersUrl: URL = new URL("./handlers.ts", import.meta.url)
