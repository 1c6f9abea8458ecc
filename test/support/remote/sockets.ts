/** Connections and servers that break the protocol, and the means to wait for their effects. */
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import * as Net from "node:net"

/** Waits for a condition that the test can only poll. The timeout of the test bounds the wait. */
export const until = (holds: () => boolean): Effect.Effect<void> =>
  Effect.suspend(() => holds() ? Effect.void : Effect.andThen(Effect.sleep(5), until(holds)))

/** Waits until an effect succeeds with a value that satisfies a condition. */
export const untilSome = <A, E, R>(
  effect: Effect.Effect<A, E, R>,
  holds: (value: A) => boolean
): Effect.Effect<A, never, R> =>
  Effect.flatMap(Effect.option(effect), (value) =>
    value._tag === "Some" && holds(value.value)
      ? Effect.succeed(value.value)
      : Effect.andThen(Effect.sleep(10), untilSome(effect, holds)))

/** A connection without TLS that sends nothing by itself, from an address of this machine. */
export const raw = (port: number, localAddress = "127.0.0.1") =>
  Effect.acquireRelease(
    Effect.callback<Raw>((resume) => {
      const socket = Net.connect({ host: "127.0.0.1", port, localAddress })
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

/** A server without TLS that does not follow the protocol. */
export const rawServer = (onConnection: (socket: Net.Socket) => void) =>
  Effect.map(
    Effect.acquireRelease(
      Effect.callback<{ readonly server: Net.Server; readonly sockets: Set<Net.Socket> }>((resume) => {
        const sockets = new Set<Net.Socket>()
        const server = Net.createServer({ noDelay: true }, (socket) => {
          sockets.add(socket)
          socket.on("error", () => {})
          socket.once("close", () => sockets.delete(socket))
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

/** A logger that collects the messages of the effects that it is provided to. */
export const logs = () => {
  const lines: Array<{ readonly level: string; readonly text: string }> = []
  const layer = Logger.layer([
    Logger.make(({ logLevel, message }) => {
      lines.push({ level: logLevel, text: (Array.isArray(message) ? message : [message]).map(String).join(" ") })
    })
  ])
  return { lines, layer }
}
