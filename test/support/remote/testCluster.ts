/** A worker group for one test: its workers, its clients, and the journal of their tasks. */
import { assert } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as NetAddress from "effect/net/NetAddress"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { randomUUID } from "node:crypto"
import { writeFileSync } from "node:fs"
import * as Dispatcher from "papyros/Dispatcher"
import * as RemoteDispatcher from "papyros/RemoteDispatcher"
import type * as RemoteWorker from "papyros/RemoteWorker"
import type { Secret } from "../../../src/internal/remote/auth/secret.ts"
import * as NameServer from "../../../src/internal/remote/registry/server.ts"
import * as Journal from "../journal.ts"
import { type RemoteLine, violations } from "./history.ts"
import { localWorker } from "./localWorker.ts"
import { type Papyros, registered, worker } from "./processes.ts"
import { type Big, type Environment, type Kill, type Load, Once, Tasks, Work } from "./tasks.ts"

/** The tasks whose handlers write to the journal. */
export type Noted = Work | Once | Kill

type Any = Noted | Big | Load | Environment

/** The time limit of a wait on a busy machine, in milliseconds. */
const PATIENCE = 180_000

const poll = <R>(what: string, holds: Effect.Effect<boolean, never, R>): Effect.Effect<void, never, R> =>
  Effect.gen(function*() {
    const end = performance.now() + PATIENCE
    while (!(yield* holds)) {
      if (performance.now() > end) return yield* Effect.die(new Error(`waited in vain until ${what}`))
      yield* Effect.sleep(5)
    }
  })

/** Waits for a condition that the test can only poll. */
export const until = (what: string, holds: () => boolean): Effect.Effect<void> => poll(what, Effect.sync(holds))

/** How each task ended: "success", or the reason of its failure. */
export const ends = <T extends Any>(results: ReadonlyArray<Dispatcher.TaskResult<T>>): ReadonlyArray<string> =>
  results.toSorted((a, b) => a.index - b.index).map(({ result }) =>
    Result.isSuccess(result) ? "success" : result.failure.reason._tag
  )

/** Fails unless all found values are allowed. */
export const among = (allowed: ReadonlyArray<string>, found: ReadonlyArray<string>): void =>
  assert.deepStrictEqual(found.filter((end) => !allowed.includes(end)), [])

export const works = (count: number, millis: number, from = 0): ReadonlyArray<Work> =>
  Array.from({ length: count }, (_, i) => new Work({ id: from + i, millis }))

export const onces = (count: number, millis: number, from: number): ReadonlyArray<Once> =>
  Array.from({ length: count }, (_, i) => new Once({ id: from + i, millis }))

/** The others spread among some. */
export const mixed = <A, B>(some: ReadonlyArray<A>, others: ReadonlyArray<B>): ReadonlyArray<A | B> => {
  const every = Math.ceil(some.length / others.length)
  return some.flatMap((a, i) => i % every === 0 ? [others[i / every], a] : [a])
}

/** A worker process, or a worker in the process of the test. */
export type Member = Pick<Papyros, "pid">

/** The runs of tasks of one test, and the journal of them that the test and the handlers write. */
export class JournaledRuns {
  readonly journal: string

  constructor(journal: string) {
    this.journal = journal
  }

  /** Opens the gate at which tasks wait. */
  readonly open = (): void => writeFileSync(`${this.journal}.open`, "")

  get lines(): ReadonlyArray<RemoteLine> {
    return Journal.read<RemoteLine>(this.journal)
  }

  /** Counts the lines of a kind, optionally those of one worker. */
  count(what: RemoteLine["what"], worker?: Member): number {
    return this.lines.filter((line) => line.what === what && (worker === undefined || line.thread === worker.pid))
      .length
  }

  /** The number of outcomes that clients have received. */
  outcomes = 0

  private note(line: Omit<RemoteLine, "thread">): void {
    Journal.append<RemoteLine>(this.journal, { ...line, thread: 0 })
  }

  /** Runs tasks, and records their acceptance and their outcomes in the journal. */
  readonly run = <T extends Noted>(tasks: Iterable<T>, options?: Dispatcher.ExecuteOptions<T>) => {
    const accept = (task: T) => this.note({ what: "accepted", id: task.id, idempotent: task._tag !== "Once" })
    return Dispatcher.results(noted(tasks, accept), options).pipe(
      Stream.tap(({ result, task }) =>
        Effect.sync(() => {
          const lost = Result.isFailure(result) && result.failure.reason._tag === "WorkerLost"
          const outcome = Result.isSuccess(result) ? "success" : lost && task._tag !== "Kill" ? "lost" : "failure"
          this.note({ what: outcome, id: task.id })
          this.outcomes++
        })
      ),
      Stream.runCollect
    )
  }

  /** Records that clients may lose this worker from now on. */
  readonly fault = ({ pid }: Member): void =>
    Journal.append<RemoteLine>(this.journal, { what: "fault", id: 0, thread: pid })

  readonly kill = (process: Papyros, signal: "SIGKILL" | "SIGSTOP"): void => {
    this.fault(process)
    process.kill(signal)
  }

  get violations(): ReadonlyArray<string> {
    return violations(this.lines)
  }
}

/** Yields the tasks, and calls `note` for each when it is pulled. */
const noted = function*<T>(tasks: Iterable<T>, note: (task: T) => void): Iterable<T> {
  for (const task of tasks) {
    note(task)
    yield task
  }
}

export class Site extends JournaledRuns {
  readonly nameServer: string
  readonly group = randomUUID()

  constructor(nameServer: string, journal: string) {
    super(journal)
    this.nameServer = nameServer
  }

  /** A worker process, of one thread unless more are asked for, which may not be registered yet. */
  start(
    options: Parameters<typeof worker>[1] & { readonly nameServer?: string } = {}
  ): Effect.Effect<Papyros, never, Scope.Scope> {
    return worker(options.nameServer ?? this.nameServer, {
      ...options,
      args: ["--group", this.group, ...options.args ?? []],
      env: { ...options.env, PAPYROS_TEST_JOURNAL: this.journal }
    })
  }

  private locals = 0

  /** A worker in this process, of one thread unless more are asked for, which may not be registered yet. */
  startLocal(options: Omit<RemoteWorker.RemoteWorkerSettings, "workerGroup"> = {}) {
    const pid = --this.locals
    const handlers = Journal.urlOf("./remote/handlers.ts", this.journal)
    handlers.searchParams.set("pid", String(pid))
    return localWorker(pid, Tasks, { handlers, nameServer: this.nameServer, workerGroup: this.group, ...options })
  }

  /** So many workers in this process, registered. */
  readonly localWorkers = (count: number, options?: Parameters<Site["startLocal"]>[0]) =>
    Effect.tap(
      Effect.forEach(Array.from({ length: count }), () => this.startLocal(options)),
      (workers) => Effect.forEach(workers, ({ registered }) => registered)
    )

  /** So many worker processes, registered. */
  readonly workers = (
    count: number,
    options?: Parameters<Site["start"]>[0]
  ): Effect.Effect<ReadonlyArray<Papyros>, never, Scope.Scope> =>
    Effect.tap(
      Effect.forEach(Array.from({ length: count }), () => this.start(options)),
      (workers) => Effect.forEach(workers, registered)
    )

  client(options?: Parameters<typeof RemoteDispatcher.layer>[1]) {
    return RemoteDispatcher.layer(Tasks, {
      nameServer: this.nameServer,
      workerGroup: this.group,
      noWorkerTimeout: PATIENCE,
      ...options
    }).pipe(
      Layer.provide(Logger.layer([]))
    )
  }
}

/** Makes a worker group at a name server. */
export const site = (nameServer: string): Effect.Effect<Site, never, Scope.Scope> =>
  Effect.map(Journal.make, (journal) => new Site(nameServer, journal))

/** Waits until a dispatcher has `count` workers. */
export const joined = (count: number): Effect.Effect<void, never, Dispatcher.Dispatcher> =>
  poll(`there are ${count} workers`, Effect.map(Dispatcher.status, ({ workers }) => workers.length === count))

/** A name server in this process, on a free port unless one is given: its `host:port`. */
export const localNameServer = (port = 0, secret?: Secret) =>
  NameServer.serve({ host: "127.0.0.1", port, secret }).pipe(
    Effect.map(({ address }) => NetAddress.formatSocketAddress(address)),
    Effect.provide(Logger.layer([])),
    Effect.orDie
  )

/** A name server, for all tests of a file. */
export class Place extends Context.Service<Place, { readonly address: string }>()("test/remote/Place") {
  static readonly layer = Layer.effect(this, Effect.map(localNameServer(), (address) => ({ address })))
}

/** A separate worker group at the name server of the file. */
export const ownSite = Effect.flatMap(Place, ({ address }) => site(address))
