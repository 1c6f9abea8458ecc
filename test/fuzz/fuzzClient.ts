/**
 * Sends frames of hostile workers and of hostile name servers to a client process, and checks that the process goes on,
 * that its memory is bounded, and that the tasks of an honest worker have their results meanwhile.
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type * as Net from "node:net"
import { rawServer } from "../support/remote/sockets.ts"
import { type Report, start, startWorker, until } from "./child.ts"
import { HostileNameServer, HostileWorker } from "./peerFrames.ts"

export interface ClientFuzzReport {
  readonly frames: number
  readonly connections: number
  /** The most memory beyond that of the client at the beginning, in bytes. */
  readonly memory: number
  /** Tasks of the honest worker that have succeeded. */
  readonly served: number
  /** Outcomes of tasks of hostile workers. */
  readonly answered: number
  readonly violations: ReadonlyArray<string>
}

interface ClientReport extends Report {
  readonly served: number
  readonly answered: number
  readonly violations: ReadonlyArray<string>
}

/** Ports of hostile workers, and of hostile name servers. */
const WORKERS = 48
const NAME_SERVERS = 6

/** The most frames of one connection. */
const FRAMES_PER_CONNECTION = 400

interface Hostile {
  readonly isOpen: boolean
  readonly onData: (bytes: Uint8Array) => void
  readonly frame: () => void
}

export const fuzzClient = ({ frames: most, seeds }: {
  /** The seeds of the connections. */
  readonly seeds: Iterable<number>
  /** Frames to send in all. */
  readonly frames: number
}): Effect.Effect<ClientFuzzReport, never, Scope.Scope> =>
  Effect.gen(function*() {
    const total = { frames: 0, connections: 0 }
    const all = seeds[Symbol.iterator]()
    let quiet = true

    const converse = (make: (seed: number, emit: (frame: Uint8Array) => void) => Hostile) => (socket: Net.Socket) => {
      const seed = all.next()
      if (quiet || seed.done === true || total.frames >= most) return socket.destroy()
      total.connections++
      let sent = 0
      const peer = make(seed.value, (frame) => {
        sent++
        total.frames++
        socket.write(frame)
      })
      const turn = (): void => {
        if (socket.destroyed) return
        if (sent >= FRAMES_PER_CONNECTION || total.frames >= most) {
          socket.end()
          return
        }
        for (let i = 0; i < 4; i++) peer.frame()
        if (socket.writableNeedDrain) socket.once("drain", turn)
        else setTimeout(turn, 1)
      }
      let isTalking = false
      socket.on("data", (bytes) => {
        try {
          peer.onData(bytes)
        } catch {
          // An answer to bytes that were changed.
          socket.destroy()
        }
        if (isTalking || !peer.isOpen) return
        isTalking = true
        turn()
      })
    }
    const workers = yield* Effect.replicateEffect(
      Effect.suspend(() => {
        // Some processes come back as themselves, and others as new ones.
        let connections = 0
        return rawServer(converse((seed, emit) => new HostileWorker(seed, `i${Math.floor(connections++ / 3)}`, emit)))
      }),
      WORKERS
    )
    const nameServers = yield* Effect.replicateEffect(
      rawServer(converse((seed, emit) => new HostileNameServer(seed, emit))),
      NAME_SERVERS
    )
    const { port } = yield* startWorker
    const client = yield* start<ClientReport>("client", [`${port}`, workers.join(","), nameServers.join(",")])
    const gone = () => client.ended !== undefined || (client.report?.violations.length ?? 0) > 0
    yield* until(() => gone() || (client.report?.served ?? 0) > 100)
    yield* client.nextReport
    client.settle()
    quiet = false

    yield* until(() => gone() || total.frames >= most)
    // The honest worker is served after all of that, too.
    const before = client.report?.served ?? 0
    yield* until(() => gone() || client.report!.served > before + 10)
    yield* client.nextReport
    const { answered = 0, served = 0, violations = [] } = client.report ?? {}
    return {
      ...total,
      memory: client.memory - client.idleMemory,
      served,
      answered,
      violations: client.ended === undefined ? violations : [...violations, client.ended]
    }
  })
