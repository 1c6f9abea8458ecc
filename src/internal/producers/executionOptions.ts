/** The options of an execution, checked. An invalid one is a defect whose message names it. */
import type * as Duration from "effect/Duration"
import type * as Schedule from "effect/Schedule"
import type { TaskFailure } from "../../TaskFailure.ts"
import { countOption, millisOption } from "../options.ts"
import { type RetryPolicy, toSchedule } from "./retries.ts"

/** The options of `Dispatcher.ExecuteOptions`, which documents them. */
export interface ExecutionOptions {
  readonly ordered?: boolean | undefined
  readonly idleTimeout?: Duration.Input | undefined
  readonly taskTimeout?: Duration.Input | undefined
  readonly retry?: RetryPolicy<never> | undefined
  readonly chunkSize?: number | "auto" | undefined
  readonly bufferSize?: number | undefined
  readonly bufferBytes?: number | undefined
}

/** Times are milliseconds. */
export interface Settings {
  readonly taskTimeout: number | undefined
  readonly idleTimeout: number | undefined
  readonly chunkSize: number | undefined
  readonly bufferSize: number | undefined
  readonly bufferBytes: number | undefined
  readonly schedule: Schedule.Schedule<unknown, TaskFailure<never>> | undefined
}

export const toSettings = (options: ExecutionOptions): Settings => ({
  taskTimeout: millisOption("taskTimeout", options.taskTimeout),
  idleTimeout: millisOption("idleTimeout", options.idleTimeout),
  chunkSize: options.chunkSize === "auto" ? undefined : countOption("chunkSize", options.chunkSize, 1),
  bufferSize: countOption("bufferSize", options.bufferSize, 1),
  bufferBytes: countOption("bufferBytes", options.bufferBytes, 1),
  schedule: options.retry === undefined ? undefined : toSchedule(options.retry)
})
