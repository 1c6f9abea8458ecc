/** Executions: of sources of every shape, to their end, to a failure, or interrupted. */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import * as Dispatcher from "papyros/Dispatcher"
import type { Dice } from "../../../src/testing/random.ts"
import { Refuse, type SoakTask, Spin } from "../workload/tasks.ts"
import { count, healthy, plans, retry, show } from "./plans.ts"
import type { Load } from "./target.ts"

/** The error of a source. */
const BROKEN = "the source broke"

const options = (dice: Dice) => ({
  ordered: dice.chance(0.5),
  chunkSize: dice.pick(["auto", "auto", 1, 2, 5, 64] as const),
  bufferSize: dice.pick([undefined, undefined, 1, 7, 64]),
  bufferBytes: dice.pick([undefined, undefined, 10_000]),
  idleTimeout: dice.pick([undefined, "2 minutes" as const])
})

/** The tasks in arrays of up to 50. */
const arrays = (dice: Dice, tasks: ReadonlyArray<SoakTask>) => {
  const arrays: Array<ReadonlyArray<SoakTask>> = []
  for (let from = 0; from < tasks.length;) {
    const size = dice.between(1, 50)
    arrays.push(tasks.slice(from, from + size))
    from += size
  }
  return arrays
}

/** The tasks in one of many forms, and whether an error follows them. */
const source = (dice: Dice, tasks: ReadonlyArray<SoakTask>): readonly [
  source: Iterable<SoakTask> | Stream.Stream<SoakTask, string>,
  fails: boolean
] => {
  const stream = Stream.fromIterable(tasks)
  switch (dice.below(7)) {
    case 0:
      return [tasks, false]
    case 1:
      return [new Set(tasks), false]
    case 2:
      return [stream, false]
    case 3:
      return [Stream.flatMap(Stream.fromIterable(arrays(dice, tasks)), Stream.fromIterable), false]
    case 4:
      return [
        Stream.flatMap(
          Stream.fromIterable(arrays(dice, tasks)),
          (array) => Stream.unwrap(Effect.as(Effect.sleep(1), Stream.fromIterable(array)))
        ),
        false
      ]
    case 5:
      return [Stream.rechunk(stream, 1), false]
    default:
      return [Stream.concat(stream, Stream.fail(BROKEN)), true]
  }
}

/** Every task has the outcome that is expected of it, once, and in order where that was asked for. */
export const complete = Effect.fnUntraced(function*({ dice, done, mistake, target }: Load) {
  const planned = plans(dice, target, count(dice))
  const [tasks, fails] = source(dice, planned.map(({ task }) => task))
  const chosen = options(dice)
  const slow = dice.chance(0.1)
  const seen = new Uint8Array(planned.length)
  let next = 0
  const exit = yield* Dispatcher.results(tasks, { ...chosen, retry }).pipe(
    Stream.runForEach(({ index, result, task }) => {
      if (chosen.ordered && index !== next) mistake(`outcome ${index} came where ${next} was due`)
      next++
      if (index >= planned.length || seen[index]++ > 0) mistake(`outcome ${index} came a second time`)
      else if (planned[index].task !== task) mistake(`outcome ${index} has another task`)
      else if (!planned[index].check(result)) mistake(`${task._tag} ended with ${show(result)}`)
      return slow && index % 64 === 0 ? Effect.sleep(1) : Effect.void
    }),
    Effect.exit
  )
  if (next !== planned.length) mistake(`${next} of ${planned.length} outcomes`)
  if (!fails && Exit.isFailure(exit)) mistake(`the stream failed: ${exit.cause}`)
  if (
    fails &&
    !(Exit.isFailure(exit) && exit.cause.reasons.some((reason) => reason._tag === "Fail" && reason.error === BROKEN))
  ) {
    mistake(`the stream did not fail with the error of its source: ${exit}`)
  }
  done(next)
})

/** The first failure ends the stream; with order, after the results of all tasks before it. */
export const failing = Effect.fnUntraced(function*({ dice, done, mistake, target }: Load) {
  const planned = Array.from({ length: count(dice) }, () => healthy(dice, target))
  const at = dice.below(planned.length + 1)
  const refused = new Refuse({ n: at })
  const tasks = planned.map(({ task }) => task)
  tasks.splice(at, 0, refused)
  const chosen = options(dice)
  let taken = 0
  const failure = yield* Dispatcher.execute(tasks, chosen).pipe(
    Stream.runForEach(() => Effect.sync(() => taken++)),
    Effect.flip
  )
  if (failure._tag !== "TaskFailure" || failure.task !== refused || failure.reason._tag !== "Failed") {
    mistake(`the stream ended with ${failure.message}`)
  }
  if (chosen.ordered ? taken !== at : taken > planned.length) mistake(`${taken} results before failure ${at}`)
  done(taken)
})

/** Ends an execution early: by its consumer, or by interruption. */
export const interrupted = Effect.fnUntraced(function*({ dice, done, mistake, target }: Load) {
  const planned = plans(dice, target, count(dice))
  const tasks = planned.map(({ task }) => task)
  // A task that must be ended with its thread.
  if (target.crashes && dice.chance(0.05)) tasks.splice(dice.below(tasks.length + 1), 0, new Spin({ millis: null }))
  const [given] = source(dice, tasks)
  let taken = 0
  const outcomes = Dispatcher.results(given, { ...options(dice), retry }).pipe(
    Stream.tap(() => Effect.sync(() => taken++)),
    Stream.catch((error) => error === BROKEN ? Stream.empty : Stream.fail(error))
  )
  if (dice.chance(0.5) && tasks.length === planned.length) {
    const limit = dice.below(planned.length + 1)
    yield* Stream.runDrain(Stream.take(outcomes, limit))
    if (taken < limit) mistake(`${taken} outcomes, where ${limit} were to be taken`)
  } else {
    const fiber = yield* Effect.forkChild(Stream.runDrain(outcomes))
    yield* dice.chance(0.3) ? Effect.yieldNow : Effect.sleep(dice.below(30))
    yield* Fiber.interrupt(fiber)
  }
  done(taken)
})
