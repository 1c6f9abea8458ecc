/**
 * The HTTP endpoint of a process that serves, for the probes of an orchestrator: `/live` and `/ready`.
 *
 * Must stay true: it has a port and connections of its own, so that a probe takes no place of a peer. Its modules are
 * loaded only where the flag is given.
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as Http from "node:http"
import * as Address from "../internal/address.ts"
import { describeNetworkError } from "../internal/networkError.ts"
import { Unusable } from "./exit.ts"
import * as Flags from "./flags.ts"

/** An address of its own, or a port of loopback; port 0 is any free one. */
const parse = (text: string): Option.Option<Address.Address> =>
  Option.orElse(
    Option.map(Option.filter(Flags.whole(0)(text), (port) => port <= 65_535), (port) => ({ host: "127.0.0.1", port })),
    () => Address.parse(text)
  )

export const health = Flags.value("health", {
  about: "Serve /live and /ready, else not",
  metavar: "[host:]port",
  expected: "a port of 127.0.0.1, or host:port, as in 0.0.0.0:8080",
  parse
})

/** Connections at a time, and how long a request may take to arrive, in milliseconds. */
const MAX_CONNECTIONS = 64
const REQUEST_TIMEOUT = 5000

/**
 * Serves while the scope is open. The Effect that is returned makes the process ready until the end of its own scope,
 * which must end first.
 */
export const serve = (
  at: Option.Option<Address.Address>
): Effect.Effect<Effect.Effect<void, never, Scope.Scope>, Unusable, Scope.Scope> =>
  Option.match(at, {
    onNone: () => Effect.succeed(Effect.void),
    onSome: (address) => serveAt(address)
  })

const serveAt = Effect.fnUntraced(function*(address: Address.Address) {
  const { make, respond } = yield* Effect.promise(() => import("./healthServer.ts"))
  let ready = false
  const server = Http.createServer({
    requestTimeout: REQUEST_TIMEOUT,
    connectionsCheckingInterval: REQUEST_TIMEOUT / 5
  })
  server.maxConnections = MAX_CONNECTIONS
  const http = yield* make(() => server, address).pipe(
    Effect.mapError(({ cause }) =>
      new Unusable({
        message: `${Address.format(address)}: cannot listen: ${describeNetworkError(cause)}\nChoose another --health.`
      })
    )
  )
  yield* http.serve(respond(() => ready))
  // Runs before the service and the server end, which wait for the connections.
  yield* Effect.addFinalizer(() => Effect.sync(() => server.closeAllConnections()))
  const port = "port" in http.address ? http.address.port : 0
  yield* Effect.logInfo(`Health endpoint on http://${Address.format({ ...address, port })}`)
  return Effect.acquireRelease(
    Effect.sync(() => void (ready = true)),
    () => Effect.sync(() => ready = false)
  )
})
