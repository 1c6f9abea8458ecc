/**
 * Random tasks under random faults of processes, connections below TLS and the name server, checked by the journal of
 * handlers. `remoteSimulation.test.ts` has many more schedules, without processes.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import * as Semaphore from "effect/Semaphore"
import type * as Dispatcher from "papyros/Dispatcher"
import * as Secret from "../../src/internal/remote/auth/secret.ts"
import { freePort, nameServer, type Papyros } from "../support/remote/processes.ts"
import { proxied, type Proxy } from "../support/remote/proxy.ts"
import { Kill, Once, Work } from "../support/remote/tasks.ts"
import { joined, type Noted, type Site, site, until } from "../support/remote/testCluster.ts"

/** `PAPYROS_CHAOS` may be a number of schedules, of which these are some. */
const { PAPYROS_CHAOS } = process.env
const SCHEDULES = PAPYROS_CHAOS === undefined ? 2 : Math.max(10, Number(PAPYROS_CHAOS) / 25)

/** The time for one schedule, in milliseconds. */
const PATIENCE = 240_000

/** Each kill requires the start of a process. */
const AT_MOST_KILLS = 2

const innocents = ["plain", "plain", "plain", "plain", "busy", "once", "once", "long", "long once"] as const

const Step = Schema.Struct({
  what: Schema.Literals([...innocents, ...innocents, ...innocents, "kill", "kill always"]),
  /** The number of such tasks in a row. */
  times: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 40 }))
})

const SHORT = ["kill", "freeze", "end", "cut", "garble", "registry"] as const

/** Most of them wait for the end of a timeout. */
const LONG = ["freeze for long", "half-open", "slow reader"] as const

type FaultKind = typeof SHORT[number] | typeof LONG[number]

const Fault = Schema.Struct({
  what: Schema.Literals<ReadonlyArray<FaultKind>>(PAPYROS_CHAOS === undefined ? SHORT : [...SHORT, ...SHORT, ...LONG]),
  worker: Schema.Literals([0, 1]),
  /** The share of outcomes after which the fault is due, before the delay of `millis`. */
  after: Schema.Literals([0, 0.1, 0.3, 0.6, 0.9]),
  millis: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 300 }))
})

const Schedule = Schema.Struct({
  steps: Schema.Array(Step).check(Schema.isMinLength(3), Schema.isMaxLength(12)),
  // With three faults, a task that ran alone at each loss would fail with WorkerLost.
  faults: Schema.Array(Fault).check(Schema.isMinLength(1), Schema.isMaxLength(2)),
  chunkSize: Schema.Literals(["auto", "auto", 1, 3, 64]),
  ordered: Schema.Boolean
})

const make = (what: typeof Step.Type["what"], id: number): Noted => {
  switch (what) {
    case "plain":
      return new Work({ id, millis: id % 4 })
    case "busy":
      return new Work({ id, millis: id % 8, busy: true })
    case "long":
      return new Work({ id, millis: 400 })
    case "once":
      return new Once({ id, millis: id % 4 })
    case "long once":
      return new Once({ id, millis: 400 })
    case "kill":
      return new Kill({ id, times: 1 })
    case "kill always":
      return new Kill({ id, times: 99 })
  }
}

const tasksOf = (steps: typeof Schedule.Type["steps"], first: number): ReadonlyArray<Noted> => {
  let kills = 0
  return steps.flatMap(({ times, what }) => {
    if (what.startsWith("kill")) return kills++ < AT_MOST_KILLS ? [what] : []
    return Array.from({ length: what.startsWith("long") ? Math.min(times, 3) : times }, () => what)
  }).map((what, i) => make(what, first + i))
}

/** How a task may end. */
const endsOf = (task: Noted): ReadonlyArray<string> => {
  if (task._tag === "Once") return ["success", "WorkerLost"]
  return [task._tag === "Kill" && task.times > 1 ? "WorkerLost" : "success"]
}

/** A worker that restarts each time that it ends. */
class Slot {
  private readonly site: Site
  private readonly env: Readonly<Record<string, string>>
  private current: { readonly worker: Papyros; readonly proxy: Proxy } | undefined

  constructor(site: Site, env: Readonly<Record<string, string>>) {
    this.site = site
    this.env = env
  }

  /** Keeps a worker running. A worker may end before it is registered. */
  readonly keep = Effect.suspend(() => proxied(this.site, { env: this.env })).pipe(
    Effect.tap((current) => Effect.sync(() => this.current = current)),
    Effect.flatMap(({ worker }) => worker.ended),
    Effect.ensuring(Effect.sync(() => this.current = undefined)),
    Effect.scoped,
    Effect.exit,
    Effect.forever
  )

  /** Injects a fault, or does nothing while no worker runs. */
  readonly suffer = (what: FaultKind) =>
    Effect.gen({ self: this }, function*() {
      if (this.current === undefined) return
      const { proxy, worker } = this.current
      switch (what) {
        case "kill":
          return this.site.kill(worker, "SIGKILL")
        case "end":
          return worker.kill("SIGTERM")
        case "cut":
          this.site.fault(worker)
          return proxy.cut()
        case "garble":
          // TLS refuses the changed bytes, and ends the connection.
          this.site.fault(worker)
          return proxy.garble()
        case "half-open":
          this.site.fault(worker)
          proxy.freeze()
          yield* Effect.sleep(9500)
          return proxy.thaw()
        case "slow reader":
          return yield* proxy.readSlowly(3000)
        case "freeze":
        case "freeze for long":
          this.site.kill(worker, "SIGSTOP")
          yield* Effect.sleep(what === "freeze" ? 500 : 9500)
          return worker.kill("SIGCONT")
      }
    })
}

/** A name server that restarts on the same port. */
const registry = Effect.fnUntraced(function*(env: Readonly<Record<string, string>>) {
  const outer = yield* Effect.scope
  let scope = yield* Scope.fork(outer)
  const { address, port } = yield* Scope.provide(nameServer(yield* freePort, env), scope)
  const restart = Effect.gen(function*() {
    yield* Scope.close(scope, Exit.void)
    scope = yield* Scope.fork(outer)
    yield* Scope.provide(nameServer(port, env), scope)
  })
  const one = yield* Semaphore.make(1)
  return { address, restart: one.withPermit(restart) }
})

describe("RemoteDispatcher", () => {
  it.live("keeps its promises under any losses", () =>
    Effect.gen(function*() {
      const secret = yield* Secret.generate
      const env = { PAPYROS_SECRET: Redacted.value(secret) }
      const { address, restart } = yield* registry(env)
      const own = yield* site(address)
      const slots = [new Slot(own, env), new Slot(own, env)]
      for (const { keep } of slots) yield* Effect.forkScoped(keep)
      let first = 1

      const holds = ({ chunkSize, faults, ordered, steps }: typeof Schedule.Type) =>
        Effect.gen(function*() {
          const tasks = tasksOf(steps, first)
          first += tasks.length
          const before = own.outcomes
          const running = yield* Effect.forkChild(own.run(tasks, { chunkSize, ordered }))
          const over = () => running.pollUnsafe() !== undefined
          const suffering = yield* Effect.forkChild(Effect.forEach(faults, ({ after, millis, what, worker }) =>
            until("enough is done", () => over() || own.outcomes - before >= after * tasks.length).pipe(
              Effect.andThen(Effect.sleep(millis)),
              Effect.andThen(what === "registry" ? restart : slots[worker].suffer(what))
            ), { concurrency: "unbounded" }))
          const results = yield* Fiber.join(running)
          yield* Fiber.join(suffering)
          yield* joined(2)
          const wrong = results.flatMap(({ result, task }) => {
            const end = Result.isSuccess(result) ? "success" : result.failure.reason._tag
            if (!endsOf(task).includes(end)) {
              return [`${task} ended with ${end}`]
            }
            return Result.isSuccess(result) && result.success.id !== task.id ? [`${task} gave another's result`] : []
          })
          assert.deepStrictEqual([...wrong, ...own.violations], [])
          return true
        })

      yield* Effect.gen(function*() {
        yield* joined(2)
        const context = yield* Effect.context<Dispatcher.Dispatcher>()
        const result = yield* Arbitrary.checkEffect(
          Arbitrary.schema(Schedule),
          // A schedule that does not end has lost a task. On a busy machine, starts of processes take long.
          (schedule) => Effect.timeout(Effect.provideContext(holds(schedule), context), PATIENCE),
          { runs: SCHEDULES, maxShrinks: 0, size: 12 }
        )
        assert.strictEqual(Arbitrary.formatCheckFailure(result), undefined)
      }).pipe(Effect.provide(own.client({ secret })))
    }), PATIENCE + SCHEDULES * 60_000)
})
