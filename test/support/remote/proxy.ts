/** A proxy between a client and a worker that injects faults of networks. */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Net from "node:net"
import { freePort, type Papyros } from "./processes.ts"
import type { Site } from "./testCluster.ts"

/** Workers listen on one address of this machine and announce another, at which the proxy listens. */
const ADVERTISED = "127.0.0.2"

export class Proxy {
  readonly server: Net.Server
  /** Bytes from clients and to them. */
  readonly bytes = { fromClients: 0, toClients: 0 }
  /** Both sides of each connection. */
  private readonly pairs = new Set<readonly [Net.Socket, Net.Socket]>()
  private frozen = false
  private refusing = false
  /** Whether the next bytes are changed, for each side that sends. */
  private readonly garbled = new Set<Net.Socket>()
  /** How many faults make it slow. */
  private slow = 0

  constructor(port: number) {
    this.server = Net.createServer({ noDelay: true }, (near) => {
      if (this.refusing) return near.resetAndDestroy()
      const far = Net.connect({ host: "127.0.0.1", port, noDelay: true })
      const pair = [near, far] as const
      this.pairs.add(pair)
      for (const [from, to] of [[near, far], [far, near]]) {
        from.on("error", () => {})
        // While nothing is passed on, the end of a connection is not passed on either.
        from.on("data", (bytes) => {
          if (this.slow > 0) {
            from.pause()
            setTimeout(() => from.resume(), 100)
          }
          this.bytes[from === near ? "fromClients" : "toClients"] += bytes.length
          if (this.garbled.delete(from)) bytes[bytes.length >> 1] ^= 1
          if (!this.frozen) to.write(bytes)
        })
        from.on("close", () => {
          if (!this.frozen) to.destroy()
          if (to.destroyed) this.pairs.delete(pair)
        })
      }
    })
  }

  /** Connections that are open. */
  get connections(): number {
    return this.pairs.size
  }

  /** Ends all connections, as if the other host had closed them. */
  cut(): void {
    for (const [near, far] of this.pairs) {
      near.resetAndDestroy()
      far.resetAndDestroy()
    }
  }

  /** Changes a bit of the next bytes that each side sends. */
  garble(): void {
    for (const pair of this.pairs) for (const socket of pair) this.garbled.add(socket)
  }

  /** Reads once in 100 ms from each side, for so many milliseconds. No byte is lost. */
  readSlowly(millis: number): Effect.Effect<void> {
    return Effect.acquireUseRelease(
      Effect.sync(() => this.slow++),
      () => Effect.sleep(millis),
      () => Effect.sync(() => this.slow--)
    )
  }

  /** Ends all connections, and refuses others until `restore` is called. */
  cutOff(): void {
    this.refusing = true
    this.cut()
  }

  restore(): void {
    this.refusing = false
  }

  /** Silently stops passing data on. */
  freeze(): void {
    this.frozen = true
  }

  /** Passes data on again, on new connections only. Data that arrived in the meantime is lost. */
  thaw(): void {
    this.frozen = false
    this.cut()
  }
}

/** A proxy that passes the connections to the port of a worker on. */
const proxyTo = (port: number): Effect.Effect<Proxy, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.callback<Proxy>((resume) => {
      const proxy = new Proxy(port)
      proxy.server.once("error", (error) => resume(Effect.die(error)))
      proxy.server.listen(port, ADVERTISED, () => resume(Effect.succeed(proxy)))
    }),
    (proxy) =>
      Effect.sync(() => {
        proxy.server.close()
        proxy.cut()
      })
  )

/** A registered worker in this process that clients can reach only through a proxy. */
export const proxiedLocal = Effect.fnUntraced(function*(site: Site, options?: Parameters<Site["startLocal"]>[0]) {
  const port = yield* freePort
  const proxy = yield* proxyTo(port)
  const worker = yield* site.startLocal({ port, advertise: ADVERTISED, ...options })
  yield* worker.registered
  return { worker, proxy }
})

/** A registered worker process that clients can reach only through a proxy. */
export const proxied = (
  site: Site,
  { args = [], env = {} }: {
    readonly args?: ReadonlyArray<string>
    readonly env?: Readonly<Record<string, string>>
  } = {}
): Effect.Effect<{ readonly worker: Papyros; readonly proxy: Proxy }, never, Scope.Scope> =>
  Effect.gen(function*() {
    const worker = yield* site.start({ env, args: ["--advertise", ADVERTISED, ...args] })
    const port = Number(yield* worker.wrote(/Worker \S+:(\d+) of group \S+ is listening/))
    const proxy = yield* proxyTo(port)
    yield* worker.wrote(/is registered/)
    return { worker, proxy }
  })
