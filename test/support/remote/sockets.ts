/** Connections of one who does not keep to the rules, and what one who waits for them needs. */
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import * as Net from "node:net"

/** Waits for what is only to be seen from outside; the timeout of the test bounds it. */
export const until = (holds: () => boolean): Effect.Effect<void> =>
  Effect.suspend(() => holds() ? Effect.void : Effect.andThen(Effect.sleep(5), until(holds)))

/** The same for what has to be asked for. */
export const untilSome = <A, E, R>(
  effect: Effect.Effect<A, E, R>,
  holds: (value: A) => boolean
): Effect.Effect<A, never, R> =>
  Effect.flatMap(Effect.option(effect), (value) =>
    value._tag === "Some" && holds(value.value)
      ? Effect.succeed(value.value)
      : Effect.andThen(Effect.sleep(10), untilSome(effect, holds)))

/** A connection in clear that says what it is told to. */
export const raw = (port: number) =>
  Effect.acquireRelease(
    Effect.callback<Raw>((resume) => {
      const socket = Net.connect({ host: "127.0.0.1", port })
      const self = new Raw(socket)
      socket.once("connect", () => resume(Effect.succeed(self)))
      socket.once("close", () => resume(Effect.succeed(self)))
    }),
    ({ socket }) => Effect.sync(() => socket.destroy())
  )

class Raw {
  readonly socket: Net.Socket
  readonly received: Array<Buffer> = []
  closed = false

  constructor(socket: Net.Socket) {
    this.socket = socket
    socket.on("error", () => {})
    socket.on("data", (bytes) => this.received.push(bytes))
    socket.once("close", () => {
      this.closed = true
    })
  }
}

/** A server in clear that does nothing of what is expected. */
export const rawServer = (onConnection: (socket: Net.Socket) => void) =>
  Effect.map(
    Effect.acquireRelease(
      Effect.callback<{ readonly server: Net.Server; readonly sockets: Set<Net.Socket> }>((resume) => {
        const sockets = new Set<Net.Socket>()
        const server = Net.createServer((socket) => {
          sockets.add(socket)
          socket.on("error", () => {})
          onConnection(socket)
        })
        server.listen(0, "127.0.0.1", () => resume(Effect.succeed({ server, sockets })))
      }),
      ({ server, sockets }) =>
        Effect.sync(() => {
          server.close()
          for (const socket of sockets) socket.destroy()
        })
    ),
    ({ server }) => (server.address() as Net.AddressInfo).port
  )

/** What is logged by what it is provided to. */
export const logs = () => {
  const lines: Array<{ readonly level: string; readonly text: string }> = []
  const layer = Logger.layer([
    Logger.make(({ logLevel, message }) => {
      lines.push({ level: logLevel, text: (Array.isArray(message) ? message : [message]).map(String).join(" ") })
    })
  ])
  return { lines, layer }
}
