/**
 * The handlers of the conformance suite, for this thread and, as a handlers module, for worker threads.
 */
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { isMainThread, threadId } from "node:worker_threads"
import * as Dispatcher from "papyros/Dispatcher"
import * as Task from "papyros/Task"
import { events, type What } from "./events.ts"
import { type Crash, Hold, Passes, Refused, Tasks, Tree } from "./tasks.ts"

const log = (what: What, id: number) => Effect.sync(() => events.add(what, id))

const observed = <A, E, R>(id: number, effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.suspend(() => {
    events.add("start", id)
    return effect.pipe(Effect.onInterrupt(() => log("interrupt", id)), Effect.ensuring(log("stop", id)))
  })

/** A value that TypeScript would not let a handler return, as foreign code does. */
const foreign = <A>(value: unknown): A => value as A

const spin = (millis: number) => {
  const until = performance.now() + millis
  while (performance.now() < until);
}

const throwLater = (f: () => void) => Effect.andThen(Effect.sync(() => void setTimeout(f, 1)), Effect.never)

const crash = (how: Crash["how"]): Effect.Effect<never> => {
  if (isMainThread) return Effect.die(new Error("a Crash task ends its worker, and here that would be the test"))
  switch (how) {
    case "exit":
      return Effect.sync((): never => process.exit(7))
    case "exitZero":
      return Effect.sync((): never => process.exit(0))
    case "exitLater":
      return Effect.andThen(Effect.sleep(1), Effect.sync((): never => process.exit(7)))
    case "throwLater":
      return throwLater(() => {
        throw new RangeError("on purpose")
      })
    case "rejectLater":
      return throwLater(() => void Promise.reject(new RangeError("on purpose")))
    case "memory":
      return Effect.sync((): never => {
        const all: Array<unknown> = []
        for (;;) all.push(Array.from({ length: 1000 }, (_, i) => ({ i })))
      })
  }
}

const scratch = new Uint8Array(1)

const children = (id: number, count: number) =>
  Array.from({ length: count }, (_, i) => new Hold({ id: id + i + 1, end: "succeed" }))

const sum = (ids: ReadonlyArray<number>) => ids.reduce((a, b) => a + b, 0)

const handlers = Tasks.of({
  Add: ({ n }) => Effect.succeed(n + 1),
  Mark: ({ id }) => observed(id, Effect.succeed(id)),
  Hold: ({ end, id }) =>
    observed(
      id,
      Effect.andThen(events.pass(id), () => {
        switch (end) {
          case "succeed":
            return Effect.succeed(id)
          case "fail":
            return Effect.fail(new Refused({ id }))
          case "die":
            return Effect.die(new RangeError(`died ${id}`))
        }
      })
    ),
  Compute: ({ id, millis }) =>
    observed(id, Effect.andThen(Effect.sync(() => spin(millis)), Effect.as(events.pass(id), id))),
  Linger: ({ end, id }) =>
    observed(
      id,
      Effect.ensuring(
        Effect.never,
        Effect.andThen(events.pass(id), end === "die" ? Effect.die(new RangeError("died in a finalizer")) : Effect.void)
      )
    ),
  Stubborn: ({ id }) => observed(id, Effect.uninterruptible(Effect.as(events.pass(id), id))),
  Sleep: ({ id, millis }) => observed(id, Effect.as(Effect.sleep(millis), id)),
  Flaky: ({ failures, id }) =>
    observed(
      id,
      Effect.flatMap(
        Task.CurrentAttempt,
        (attempt) => attempt > failures ? Effect.succeed(attempt) : Effect.fail(new Refused({ id }))
      )
    ),
  Wrong: ({ how, id }) => {
    switch (how) {
      case "throw":
        throw new RangeError(`thrown ${id}`)
      case "die":
        return Effect.die(new RangeError(`died ${id}`))
      case "text":
        return Effect.die(`text ${id}`)
      case "undefined":
        return Effect.die(undefined)
      case "reject":
        return Effect.promise(() => Promise.reject(new RangeError(`rejected ${id}`)))
      case "interrupt":
        return Effect.interrupt
      case "notAnEffect":
        return foreign<Effect.Effect<number>>(42)
    }
  },
  Return: ({ what }) =>
    Effect.sync(() => {
      switch (what) {
        case "function":
          return () => {}
        case "symbol":
          return Symbol("on purpose")
        case "circular": {
          const self: { self?: unknown } = {}
          self.self = self
          return self
        }
        case "map":
          return new Map([["a", 1]])
      }
    }),
  Rows: ({ trap }) =>
    Effect.sync(() => {
      let reads = 0
      const trapped = {
        get a(): number {
          if (++reads > 1) throw new RangeError("read twice")
          return 1
        }
      }
      return [...[1, 2, 3, 4, 5].map((a) => ({ a })), trap ? trapped : { a: 6 }]
    }),
  Unfit: ({ part }) =>
    part === "success" ? Effect.succeed(foreign<number>("text")) : Effect.fail({ code: foreign<number>("text") }),
  Carry: ({ id }) => observed(id, Effect.succeed(id)),
  Crash: ({ how, id, losses }) =>
    observed(
      id,
      Effect.flatMap(Task.CurrentAttempt, (attempt) => attempt <= losses ? crash(how) : Effect.succeed(id))
    ),
  Afterwards: ({ how, id }) =>
    observed(
      id,
      Effect.sync(() => {
        if (isMainThread) throw new Error("an Afterwards task harms its worker, and here that would be the test")
        setTimeout(() => {
          if (how === "exit") process.exit(7)
          throw new RangeError("on purpose")
        }, 1)
        return id
      })
    ),
  SlowPayload: ({ id }) => observed(id, Effect.succeed(id)),
  Falls: ({ how, value }) => {
    switch (how) {
      case "succeed":
        return Effect.succeed(value)
      case "fail":
        return Effect.fail(value)
      case "die":
        return Effect.die(value)
    }
  },
  CrashOnce: ({ id }) => observed(id, crash("exit")),
  Spin: ({ id }) =>
    observed(
      id,
      Effect.sync(() => {
        if (isMainThread) throw new Error("a Spin task keeps its thread busy, and here that would be the test's")
        for (;;);
      })
    ),
  Block: ({ id }) =>
    observed(
      id,
      Effect.sync(() => {
        if (isMainThread) throw new Error("a Block task stops its thread, and here that would be the test's")
        events.passBlocking(id)
        return threadId
      })
    ),
  Where: ({ id }) => observed(id, Effect.sync(() => threadId)),
  Parent: ({ children: count, how, id }) =>
    observed(
      id,
      Effect.suspend(() => {
        const tasks = children(id, count)
        switch (how) {
          case "run":
            return Effect.forEach(tasks, (task) => Dispatcher.run(task), { concurrency: "unbounded" })
          case "execute":
            return Stream.runCollect(Dispatcher.execute(tasks))
          case "queue":
            return Effect.scoped(Effect.gen(function*() {
              const queue = yield* Dispatcher.makeQueue<Hold>()
              yield* Effect.forEach(tasks, (task) => queue.push(task))
              return yield* Effect.forEach(tasks, () => queue.pop())
            }))
        }
      }).pipe(Effect.map(sum), Effect.orDie)
    ),
  Tree: ({ depth, width }) =>
    depth === 0 ? Effect.succeed(1) : Stream.runFold(
      Dispatcher.execute(Array.from({ length: width }, () => new Tree({ depth: depth - 1, width }))),
      () => 0,
      (total, leaves) => total + leaves
    ).pipe(Effect.orDie),
  Passes: ({ depth, id }) =>
    depth === 0
      ? Effect.fail(new Refused({ id }))
      : Dispatcher.run(new Passes({ id, depth: depth - 1 })).pipe(
        Effect.catchTag("TaskFailure", ({ reason }) =>
          reason._tag === "Failed" ? Effect.fail(reason.error) : Effect.die(reason)),
        Effect.catchTag("DispatcherClosed", Effect.die)
      ),
  Reuse: ({ n }) =>
    Effect.sync(() => {
      scratch[0] = n
      return scratch
    }),
  First: ({ bytes }) =>
    Effect.sync(() => {
      const first = bytes[0]
      bytes.fill(255)
      return first
    }),
  Move: ({ bytes }) => Effect.succeed(bytes)
})

export default Tasks.toLayer(
  Effect.acquireRelease(Effect.as(log("build", 0), handlers), () => log("release", 0))
)
