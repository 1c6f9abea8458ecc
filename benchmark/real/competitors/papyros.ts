/** `WorkerPoolDispatcher` with the threads of every competitor, and otherwise its defaults. */
import * as Effect from "effect/Effect"
import * as ManagedRuntime from "effect/ManagedRuntime"
import type * as Task from "papyros/Task"
import type * as TaskGroup from "papyros/TaskGroup"
import * as WorkerPoolDispatcher from "papyros/WorkerPoolDispatcher"
import { THREADS } from "../../harness/concurrency.ts"
import { moduleUrl } from "../../harness/modules.ts"
import { execute } from "../../harness/papyros.ts"
import type { Input, ModuleName, Payload, Result, TaskName } from "../workload/inputs.ts"
import * as Tasks from "../workload/tasks.ts"
import type { Prepare } from "./library.ts"

/** The tasks by their names, made from the payloads that every library gets. */
const tasksFrom: { readonly [T in TaskName]: (payload: Payload<T>) => Task.Any } = {
  Render: (payload) => new Tasks.Render(payload),
  Transpile: (payload) => new Tasks.Transpile(payload),
  ParseCsv: (payload) => new Tasks.ParseCsv(payload),
  SplitCsv: (payload) => new Tasks.SplitCsv(payload),
  Hash: (payload) => new Tasks.Hash(payload),
  Compress: (payload) => new Tasks.Compress(payload),
  Resize: (payload) => new Tasks.Resize(payload),
  Sum: (payload) => new Tasks.Sum(payload),
  SumRows: ({ id, kind, rows }) => new Tasks.SumRows({ id, kind, rows: rows.map((row) => new Tasks.Row(row)) }),
  AddTotalsToText: (payload) => new Tasks.AddTotalsToText(payload),
  AddTotals: (payload) => new Tasks.AddTotals({ value: payload.value as Tasks.AddTotals["value"] })
}

const poolOf = <T extends Task.Any>(group: TaskGroup.TaskGroup<T>, module: ModuleName) => (bundled: boolean) =>
  WorkerPoolDispatcher.layer(group, {
    size: THREADS,
    ...(bundled
      ? { thread: moduleUrl(`../workload/threads/${module}.ts`, import.meta.url) }
      : { handlers: moduleUrl(`../workload/handlers/${module}.ts`, import.meta.url) })
  })

/** The dispatchers by the modules of their handlers. */
const pools: { readonly [M in ModuleName]: ReturnType<typeof poolOf> } = {
  bytes: poolOf(Tasks.groups.bytes, "bytes"),
  csv: poolOf(Tasks.groups.csv, "csv"),
  images: poolOf(Tasks.groups.images, "images"),
  json: poolOf(Tasks.groups.json, "json"),
  markdown: poolOf(Tasks.groups.markdown, "markdown"),
  tables: poolOf(Tasks.groups.tables, "tables"),
  typescript: poolOf(Tasks.groups.typescript, "typescript")
}

/** Returns the task with each index. */
export const tasksOf = <T extends TaskName>(
  { distinct, madeBefore, task }: Pick<Input<T>, "distinct" | "madeBefore" | "task">,
  payload: (i: number) => Payload<T>
): (i: number) => Task.Any => {
  const make = (i: number) => tasksFrom[task](payload(i))
  if (madeBefore !== true) return make
  const all = Array.from({ length: distinct }, (_, i) => make(i))
  return (i) => all[i % distinct]
}

export const prepareWith = (bundled: boolean): Prepare => (input, payload) => {
  const task = tasksOf(input, payload)
  const toNumber = (result: unknown) => input.toNumber(result as Result<typeof input.task>)
  return async () => {
    const runtime = ManagedRuntime.make(pools[input.module](bundled))
    await runtime.context()
    const tasks = function*(count: number) {
      for (let i = 0; i < count; i++) yield task(i)
    }
    return {
      run: (count) => runtime.runPromise(Effect.suspend(() => execute(tasks(count), toNumber))),
      close: () => runtime.dispose()
    }
  }
}
