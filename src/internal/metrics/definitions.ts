/** The metrics of a dispatcher. `docs/reference/metrics.md` lists them. */
import * as Metric from "effect/Metric"
import { CHUNK_TASKS } from "../scheduler/distribution.ts"
import { RUN_SECONDS } from "../scheduler/runTimes.ts"

const counter = (name: string, description: string) => Metric.counter(name, { description, incremental: true })

/** Counts of each type of task: attributes `dispatcher` and `task`. */
export const started = counter(
  "papyros_tasks_started_total",
  "Attempts that were given to a worker, except those that it gave back before they started."
)
export const retried = counter("papyros_tasks_retried_total", "Failed attempts that the retry policy repeated.")
export const restarted = counter("papyros_tasks_restarted_total", "Starts repeated because the worker was lost.")
export const cancelled = counter("papyros_tasks_cancelled_total", "Tasks that were cancelled while a worker had them.")

/** Attributes `dispatcher`, `task` and `outcome`. */
export const completed = counter(
  "papyros_tasks_completed_total",
  "Attempts that ended, by success or the reason of the failure. Failed attempts that are retried count too."
)

export const runSeconds = Metric.histogram("papyros_task_run_seconds", {
  description: "Run time of tasks. Tasks that a worker reports together count with their mean.",
  attributes: { unit: "s" },
  boundaries: RUN_SECONDS
})

/** Attribute `dispatcher`. */
export const chunkTasks = Metric.histogram("papyros_chunk_tasks", {
  description: "Tasks that a worker was given together.",
  boundaries: CHUNK_TASKS
})

export const chunkOverheadSeconds = Metric.histogram("papyros_chunk_overhead_seconds", {
  description:
    "Time in which a worker held a chunk, but ran none of its tasks. It is measured only while a recording is made.",
  attributes: { unit: "s" },
  boundaries: RUN_SECONDS
})

export const waitSeconds = Metric.histogram("papyros_task_wait_seconds", {
  description: "Time from the push of a task into a queue until a worker got it; measured for one task in 64.",
  attributes: { unit: "s" },
  boundaries: RUN_SECONDS
})

const byteCounter = (name: string, description: string) =>
  Metric.counter(name, { description, attributes: { unit: "By" }, incremental: true })

export const sentBytes = byteCounter(
  "papyros_sent_bytes_total",
  "Bytes of the messages to workers of Remote and Cluster."
)
export const receivedBytes = byteCounter(
  "papyros_received_bytes_total",
  "Bytes of the messages from workers of Remote and Cluster."
)

/** Attributes `dispatcher` and `worker`. */
export const workerBusySeconds = Metric.counter("papyros_worker_busy_seconds_total", {
  description:
    "Time that the worker spent on tasks, summed over its slots. Workers after the first 64 count as `others`.",
  attributes: { unit: "s" },
  incremental: true
})

/** Attributes `dispatcher` and `cause`. */
export const workersLost = counter(
  "papyros_workers_lost_total",
  "Workers that ended while they held tasks, or without being told to."
)

export const workersReplaced = counter(
  "papyros_workers_replaced_total",
  "Worker threads in whose place another one was started."
)

const gauge = (name: string, description: string) => Metric.gauge(name, { description })

/** Gauges: attribute `dispatcher`. */
export const waiting = gauge("papyros_tasks_waiting", "Tasks that are accepted and have not started.")
export const running = gauge("papyros_tasks_running", "Tasks that run.")
export const executions = gauge("papyros_executions", "Executions, queues and single tasks that are open.")
export const resultsReady = gauge(
  "papyros_results_ready",
  "Results that executions and queues have, and that their consumers have not taken."
)
export const workers = gauge("papyros_workers", "Workers.")
export const slots = gauge("papyros_slots", "Tasks that all workers together can run at a time.")
