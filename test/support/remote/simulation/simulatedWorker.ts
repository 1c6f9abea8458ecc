/** A worker process of a simulation: the real service and sessions above a simulated thread, and its connections. */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { Buffer } from "node:buffer"
import { TaskCatalog } from "../../../../src/internal/remote/protocol/catalog.ts"
import type { HandshakeResponse, OpenSession } from "../../../../src/internal/remote/protocol/messages.ts"
import { PROTOCOL } from "../../../../src/internal/remote/protocol/messages.ts"
import { decodeCommands, encodeEvents } from "../../../../src/internal/remote/protocol/sessionMessages.ts"
import * as WorkerService from "../../../../src/internal/remote/worker/service.ts"
import type { ClientConnection } from "../../../../src/internal/remote/worker/sessions.ts"
import { checkPool } from "../../../../src/internal/threads/main/options.ts"
import type { Dice } from "../../../../src/testing/random.ts"
import type { RemoteLine } from "../history.ts"
import { Tasks } from "../tasks.ts"
import type { Link } from "./link.ts"
import type { PartyClock } from "./partyClock.ts"
import { type SimulatedProcess, simulatedThreads } from "./simulatedThread.ts"

export const MAX_TASK_BYTES = 1 << 20

const DRAIN_TIMEOUT = 30_000

const catalog = new TaskCatalog(Tasks.tasks)

type Service = Effect.Success<ReturnType<typeof WorkerService.make>>

export class SimulatedWorker implements SimulatedProcess {
  readonly number: number
  readonly address: string
  readonly clock: PartyClock
  readonly record: (line: RemoteLine) => void
  private readonly onKilled: (worker: SimulatedWorker) => void
  state: "serving" | "leaving" | "gone" | "dead" = "serving"
  readonly links = new Set<Link>()
  private service!: Service
  private readonly scope = Scope.makeUnsafe()

  constructor(
    number: number,
    address: string,
    clock: PartyClock,
    record: (line: RemoteLine) => void,
    onKilled: (worker: SimulatedWorker) => void
  ) {
    this.number = number
    this.address = address
    this.clock = clock
    this.record = record
    this.onKilled = onKilled
  }

  start(dice: Dice): Effect.Effect<void> {
    const slots = dice.between(1, 3)
    const threads = simulatedThreads({
      process: this,
      slots,
      dice,
      most: dice.pick([slots, 8, 64]),
      codecs: dice.chance(0.7) ? (name) => catalog.values(name) : undefined
    })
    const made = WorkerService.make({
      pool: checkPool(Tasks, { handlers: import.meta.url, size: 1, concurrency: slots }),
      threads,
      name: this.address,
      maxTaskBytes: MAX_TASK_BYTES,
      drainTimeout: DRAIN_TIMEOUT
    })
    return Effect.map(Effect.orDie(this.own(Scope.provide(made, this.scope))), (service) => {
      this.service = service
    })
  }

  /** Runs an Effect with the clock of the process. */
  own<A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> {
    return Effect.provideService(effect, Clock.Clock, this.clock)
  }

  get handshake(): typeof HandshakeResponse.Type {
    return this.service.offer(PROTOCOL)
  }

  get isDead(): boolean {
    return this.state === "dead"
  }

  get isAlive(): boolean {
    return this.state === "serving" || this.state === "leaving"
  }

  killed(): void {
    this.kill()
    this.onKilled(this)
  }

  /** Nothing of the process goes on. Its connections are reset by its system. */
  kill(): void {
    if (!this.isAlive) return
    this.record({ what: "fault", id: 0, thread: this.number })
    this.state = "dead"
    for (const link of this.links) link.close(link.worker, "killed")
  }

  /** The worker drains, and then it is gone. */
  readonly leave: Effect.Effect<void> = Effect.suspend(() => {
    if (this.state !== "serving") return Effect.void
    this.state = "leaving"
    return Effect.andThen(
      this.own(this.service.drain),
      Effect.andThen(
        Effect.suspend(() => {
          if (this.state !== "leaving") return Effect.void
          this.state = "gone"
          for (const link of this.links) link.close(link.worker, "closed by this process")
          return Effect.void
        }),
        this.own(Scope.close(this.scope, Exit.void))
      )
    )
  })

  // --- connections -----------------------------------------------------------

  /** A connection was accepted. Commands of a client end it if they are none that a client sends. */
  accept(link: Link): ClientConnection {
    const { worker } = link
    const connection: ClientConnection = {
      remoteAddress: "client",
      get isSilent() {
        return worker.silent
      },
      get loss() {
        return worker.reason ?? ""
      }
    }
    this.links.add(link)
    worker.onBytes((bytes) => {
      if (this.isAlive) this.service.sessions.onCommands(connection, decodeCommands(bytes))
    })
    return connection
  }

  /** The stream of a session over a connection, as the call `Events` is handled. */
  events(link: Link, connection: ClientConnection, request: typeof OpenSession.Type): Effect.Effect<void, unknown> {
    const stream = Stream.runForEach(
      this.service.sessions.events(connection, request),
      (events) =>
        Effect.suspend(() => {
          if (this.isDead) return Effect.never
          link.send(link.worker, Buffer.concat(encodeEvents(events)))
          return Effect.void
        })
    )
    const lost = Effect.andThen(
      Deferred.await(link.worker.closed),
      Effect.suspend(() => this.isDead ? Effect.never : Effect.void)
    )
    return this.own(Effect.raceFirst(stream, lost)).pipe(
      Effect.ensuring(Effect.sync(() => this.links.delete(link))),
      Effect.catchCause((cause) => Effect.fail(Cause.squash(cause)))
    )
  }

  endSession(session: string): void {
    if (this.isAlive) this.service.sessions.end(session)
  }
}
