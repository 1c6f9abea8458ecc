/** The metrics of a dispatcher. `docs/reference/metrics.md` lists them. */
import * as Metric from "effect/Metric"
import { CHUNK_TASKS } from "../scheduler/distribution.ts"
import { RUN_SECONDS } from "../scheduler/runTimes.ts"

const counter = (name: string, description: string) => Metric.counter(name, { description, incremental: true })

/** Counts of each type of task: attributes `dispatcher` and `task`. */
export const retried = counter("papyros_tasks_retried_total", "Failed attempts that the retry policy repeated.")
export const restarted = counter("papyros_tasks_restarted_total", "Starts repeated because the worker was lost.")
export const cancelled = counter("papyros_tasks_cancelled_total", "Tasks that were cancelled while a worker had them.")

/** Attributes `dispatcher`, `task` and `outcome`. */
export const completed = counter(
  "papyros_tasks_completed_total",
  "Outcomes of attempts: success, or the reason of the failure. A failed attempt that is retried counts too."
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
  "Workers that ended while they had tasks, or by themselves."
)

const gauge = (name: string, description: string) => Metric.gauge(name, { description })

/** Gauges: attribute `dispatcher`. */
export const waiting = gauge("papyros_tasks_waiting", "Tasks that are accepted and have not started.")
export const running = gauge("papyros_tasks_running", "Tasks that run.")
export const executions = gauge("papyros_executions", "Executions, queues and single runs that are open.")
export const workers = gauge("papyros_workers", "Workers.")
export const slots = gauge("papyros_slots", "Tasks that all workers together can run at a time.")
