/** Tasks of every kind, each with the outcome that it must have. */
import * as Result from "effect/Result"
import { isDeepStrictEqual } from "node:util"
import type * as Dispatcher from "papyros/Dispatcher"
import type { TaskFailure } from "papyros/TaskFailure"
import type { Dice } from "../../../src/testing/random.ts"
import * as Tasks from "../workload/tasks.ts"
import type { Target } from "./target.ts"

type Outcome = Dispatcher.TaskResult<Tasks.SoakTask>["result"]

export interface Plan {
  readonly task: Tasks.SoakTask
  readonly check: (outcome: Outcome) => boolean
}

/** The retries of every execution and queue. */
const RETRIES = 3

export const retry = {
  times: RETRIES,
  while: (failure: TaskFailure<Tasks.SoakTask>) => failure.reason._tag === "Failed"
}

const succeeds = (expected: unknown) => (outcome: Outcome): boolean =>
  Result.isSuccess(outcome) && isDeepStrictEqual(outcome.success, expected)

const fails = (tag: TaskFailure<Tasks.SoakTask>["reason"]["_tag"]) => (outcome: Outcome): boolean =>
  Result.isFailure(outcome) && outcome.failure.reason._tag === tag

const either = (a: Plan["check"], b: Plan["check"]) => (outcome: Outcome): boolean => a(outcome) || b(outcome)

/** A reason and the value of a failure in short, for the message of a mistake. */
export const show = (outcome: Outcome): string =>
  Result.isSuccess(outcome)
    ? `success ${JSON.stringify(outcome.success)?.slice(0, 80)}`
    : outcome.failure.message.slice(0, 200)

const sum = (n: number, width: number): number => width * (n + 1) + width * (width - 1) / 2

const rows = (dice: Dice) => {
  const rows = Array.from({ length: dice.below(dice.chance(0.02) ? 5000 : 20) }, (_, id) => ({
    id,
    label: "x".repeat(dice.below(30)),
    ...(dice.chance(0.5) ? { weight: dice.next() } : {})
  }))
  return { task: new Tasks.Rows({ rows }), check: succeeds(rows.toReversed()) }
}

/** Bytes of a content that the dice determine, sometimes a megabyte. */
const makeBytes = (dice: Dice): Uint8Array<ArrayBuffer> => {
  const bytes = new Uint8Array(dice.below(dice.chance(0.03) ? 2 ** 20 : 1000))
  const first = dice.below(256)
  for (let i = 0; i < bytes.length; i++) bytes[i] = first + i
  return bytes
}

const bytes = (dice: Dice): Plan => {
  const bytes = makeBytes(dice)
  return { task: new Tasks.Bytes({ bytes }), check: succeeds(bytes.toReversed()) }
}

/** If its thread is lost, a task whose payload was moved fails. */
const moved = (dice: Dice, { crashes }: Target): Plan => {
  const bytes = makeBytes(dice)
  const ok = succeeds(bytes.toReversed())
  return { task: new Tasks.Moved({ bytes }), check: crashes ? either(ok, fails("WorkerLost")) : ok }
}

const once = (dice: Dice, { shared }: Target): Plan => {
  const n = dice.below(1e6)
  return { task: new Tasks.Once({ n }), check: shared ? either(succeeds(n), fails("WorkerLost")) : succeeds(n) }
}

const family = (dice: Dice): Plan => {
  const n = dice.below(1000)
  const width = dice.below(20)
  return {
    task: new Tasks.Family({ n, width, by: dice.pick(["run", "execute", "queue"]) }),
    check: succeeds(sum(n, width))
  }
}

const persist = (dice: Dice): Plan => {
  const n = dice.below(1000)
  const failures = dice.between(1, RETRIES + 1)
  const task = new Tasks.Persist({ n, failures })
  // A loss of the thread counts as an attempt too.
  const ok = succeeds(n)
  return { task, check: failures <= RETRIES ? ok : either(ok, fails("Failed")) }
}

const exits = (dice: Dice): Plan => {
  const n = dice.below(1000)
  if (dice.chance(0.3)) return { task: new Tasks.Exit({ n, times: 1, how: "memory" }), check: succeeds(n) }
  const times = dice.pick([1, 1, 2, 1000])
  return {
    task: new Tasks.Exit({ n, times, how: "exit" }),
    check: times < 3 ? succeeds(n) : fails("WorkerLost")
  }
}

const inc = (dice: Dice): Plan => {
  const n = dice.below(1e6)
  return { task: new Tasks.Inc({ n }), check: succeeds(n + 1) }
}

/** A task that succeeds, and does not keep its worker for more than some milliseconds. */
export const healthy = (dice: Dice, target: Target): Plan => {
  const kind = dice.below(100)
  if (kind < 60) return inc(dice)
  if (kind < 68) return rows(dice)
  if (kind < 76) return bytes(dice)
  if (kind < 90) {
    const millis = dice.below(4)
    return dice.chance(0.7)
      ? { task: new Tasks.Spin({ millis }), check: succeeds(millis) }
      : { task: new Tasks.Nap({ millis }), check: succeeds(millis) }
  }
  if (kind < 96 || !target.copies) return family(dice)
  const entries = dice.below(20)
  return { task: new Tasks.Chat({ entries }), check: succeeds(entries) }
}

/** Any task. `crashing` is the probability of one that ends its thread or never yields, where that is allowed. */
const any = (dice: Dice, target: Target, crashing: number): Plan => {
  if (target.crashes && dice.chance(crashing)) {
    return dice.chance(0.3) ? { task: new Tasks.Loop({}), check: fails("TimedOut") } : exits(dice)
  }
  const n = dice.below(1000)
  const kind = dice.below(1000)
  if (kind < 800) return healthy(dice, target)
  if (kind < 830) return moved(dice, target)
  if (kind < 870) return once(dice, target)
  if (kind < 900) return { task: new Tasks.Refuse({ n }), check: fails("Failed") }
  if (kind < 940) return persist(dice)
  if (kind < 960) return { task: new Tasks.Throw({ n }), check: fails("Defect") }
  if (kind < 975) {
    return { task: new Tasks.Misfit({}), check: target.copies ? fails("Undecodable") : succeeds(0.5) }
  }
  // In a thread it costs the thread.
  if (kind < 998 || (target.threads && !target.crashes)) {
    return { task: new Tasks.Oversleep({}), check: fails("TimedOut") }
  }
  return { task: new Tasks.Stubborn({ millis: dice.between(30, 1500) }), check: fails("TimedOut") }
}

/** So many tasks, in some scenarios one or two of them crashing. */
export const plans = (dice: Dice, target: Target, count: number): Array<Plan> => {
  const crashing = dice.chance(0.1) ? Math.min(0.05, 1.5 / count) : 0
  return Array.from({ length: count }, () => any(dice, target, crashing))
}

/** A number of tasks: often few, sometimes thousands. */
export const count = (dice: Dice): number =>
  Math.floor(dice.pick([1, 10, 100, 100, 100, 300, 1000, 3000]) * dice.next())
