/** The laws of dispatchers as a suite, and executors that do nothing or go wrong on purpose. */
export { default as handlers } from "./handlers.ts"
export * as History from "./history.ts"
export * from "./law.ts"
export * from "./laws.ts"
export * from "./probe.ts"
export { Tasks } from "./tasks.ts"
