/**
 * The handlers module of the laws, for dispatchers whose workers import their handlers by URL.
 *
 * Handlers report to the `Probe` of their Layer only, so that they also work in a thread that shares no memory
 * with the test.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Task from "../Task.ts"
import { type Observer, Probe } from "./probe.ts"
import { Held, Nest, Refused, Stumbled, Tasks, type Transform } from "./tasks.ts"

const pause = (times: number): Effect.Effect<void> =>
  times === 0 ? Effect.void : Effect.andThen(Effect.yieldNow, Effect.suspend(() => pause(times - 1)))

/** Keeps a completed effect completed, so that the laws also cover handlers that never suspend. */
const after = <A, E>(pauses: number, effect: Effect.Effect<A, E>): Effect.Effect<A, E> =>
  pauses === 0 ? effect : Effect.andThen(pause(pauses), effect)

type Rich = Pick<Transform, "amount" | "at" | "bytes" | "note" | "point">

const altered = ({ amount, at, bytes, note, point }: Rich) => ({
  at: new Date(-at.getTime()),
  note: Option.map(note, (text) => `${text}!`),
  point: point.mirrored,
  bytes: bytes.toReversed(),
  amount: amount * 3n - 1n
})

const spin = () => {
  for (let i = 0; i >= 0; i = (i + 1) % 1000);
}

/** In a browser there is no `process`, and a Web Worker goes on to the end of the turn after `close`. */
interface Runtime {
  readonly process?: Pick<NodeJS.Process, "exit" | "getBuiltinModule">
  readonly WorkerGlobalScope?: unknown
  readonly close?: () => void
}

const perish = Effect.suspend((): Effect.Effect<never> => {
  const { close, process, WorkerGlobalScope } = globalThis as unknown as Runtime
  const inThread = process === undefined
    ? WorkerGlobalScope !== undefined
    : !process.getBuiltinModule("node:worker_threads").isMainThread
  if (!inThread) throw new Error("A Perish task ends its worker, and here that would be the test itself")
  if (process !== undefined) process.exit(1)
  close!()
  return Effect.never
})

/** A result that TypeScript rejects, as `any` and untyped code can produce it. */
const misfit = "not a number" as unknown as number

/**
 * Makes the handlers of the laws, which report their starts and ends to an observer.
 *
 * @stability unstable
 * @category laws
 * @since 0.1.0
 */
export const make = (observer: Observer) => {
  const observed = <A, E>(task: string, id: number, effect: Effect.Effect<A, E>): Effect.Effect<A, E> =>
    Effect.suspend(() => {
      observer.started(task, id)
      return Effect.ensuring(effect, Effect.andThen(pause(3), Effect.sync(() => observer.stopped(task, id))))
    })
  const stumble = <A>(failures: number, value: (attempt: number) => A): Effect.Effect<A, Stumbled> =>
    Effect.flatMap(
      Task.CurrentAttempt,
      (attempt) => attempt <= failures ? Effect.fail(new Stumbled({ attempt })) : Effect.succeed(value(attempt))
    )
  const resources = { held: 0 }
  const resource = Effect.acquireRelease(
    Effect.sync(() => resources.held++),
    () => Effect.andThen(pause(3), Effect.sync(() => resources.held--))
  )
  const memory = { bytes: new Uint8Array(20_000), list: new Array<number>(), rows: new Array<{ n: number }>() }
  return Tasks.of({
    Square: ({ n, pauses }) => {
      if (pauses > 0) return observed("Square", n, after(pauses, Effect.succeed(n * n)))
      observer.started("Square", n)
      observer.stopped("Square", n)
      return Effect.succeed(n * n)
    },
    Transform: (task) => after(task.pauses, Effect.sync(() => altered(task))),
    Refuse: (task) => after(task.pauses, Effect.suspend(() => Effect.fail(new Refused(altered(task))))),
    Stumble: ({ failures, n, pauses }) => after(pauses, stumble(failures, (attempt) => ({ n, attempt }))),
    Scribble: ({ bytes, failures }) =>
      Effect.suspend(() => {
        const given = bytes.slice()
        bytes.fill(1)
        return stumble(failures, () => given)
      }),
    Reuse: ({ bytes, failures, list, pauses, rows }) =>
      after(
        pauses,
        stumble(failures, () => {
          memory.bytes.set(bytes)
          memory.list.splice(0, Infinity, ...list)
          memory.rows.length = rows.length
          rows.forEach(({ n }, i) => (memory.rows[i] ??= { n }).n = n)
          return { ...memory, bytes: memory.bytes.subarray(0, bytes.length) }
        })
      ),
    Die: ({ how, message, pauses }) => {
      switch (how) {
        case "throw":
          throw new RangeError(message)
        case "die":
          return after(pauses, Effect.die(new RangeError(message)))
        case "later":
          return Effect.andThen(
            pause(pauses + 1),
            Effect.sync(() => {
              throw new RangeError(message)
            })
          )
        case "promise":
          return Effect.promise(() => Promise.reject(new RangeError(message)))
        case "text":
          return after(pauses, Effect.die(message))
      }
    },
    GiveUp: ({ pauses }) => after(pauses, Effect.interrupt),
    Misfit: ({ part }) =>
      part === "success"
        ? Effect.succeed(misfit)
        : Effect.fail({ code: misfit }),
    Hold: ({ id }) => observed("Hold", id, Effect.as(observer.hold(id), id)),
    Acquire: ({ how, pauses }) =>
      Effect.gen(function*() {
        const others = yield* resource
        yield* pause(pauses)
        switch (how) {
          case "succeed":
            return others
          case "fail":
            return yield* Effect.fail(new Held({ others }))
          case "die":
            return yield* Effect.die(new RangeError("died with a resource"))
          case "interrupt":
            return yield* Effect.interrupt
          case "never":
            return yield* Effect.never
        }
      }),
    Sleep: ({ failures, millis }) =>
      Effect.andThen(
        Effect.sleep(Duration.millis(millis)),
        stumble(failures, () => undefined)
      ),
    Linger: ({ id, millis, timeouts }) =>
      observed(
        "Linger",
        id,
        Effect.flatMap(
          Task.CurrentAttempt,
          (attempt) =>
            attempt > timeouts
              ? Effect.succeed(id)
              : Effect.onInterrupt(Effect.never, () => Effect.sleep(Duration.millis(millis)))
        )
      ),
    Spin: () => Effect.sync(spin),
    Nest: ({ depth, width }) =>
      depth === 0 ? Effect.succeed(1) : Effect.gen(function*() {
        const children = Array.from({ length: width }, () => new Nest({ depth: depth - 1, width }))
        const leaves = yield* Effect.forEach(children, (child) => child, { concurrency: "unbounded" })
        return leaves.reduce((sum, n) => sum + n, 0)
      }).pipe(Effect.orDie),
    Perish: ({ id, losses }) =>
      Effect.flatMap(Task.CurrentAttempt, (attempt) => attempt <= losses ? perish : Effect.succeed(id)),
    Once: ({ id, pauses }) => observed("Once", id, after(pauses, Effect.succeed(id)))
  })
}

/**
 * The Layer of the handlers of the laws, which report to the `Probe` in its context.
 *
 * @stability unstable
 * @category laws
 * @since 0.1.0
 */
export default Tasks.toLayer(Effect.map(Probe, make))
