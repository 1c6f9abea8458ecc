/**
 * The HTTP server of a dashboard.
 *
 * Must stay true: its end waits for no viewer. Connections, headers and the time of a request are bounded before the
 * application sees the request.
 */
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import * as Effect from "effect/Effect"
import * as HttpMiddleware from "effect/http/HttpMiddleware"
import type * as HttpServerRequest from "effect/http/HttpServerRequest"
import type * as HttpServerResponse from "effect/http/HttpServerResponse"
import * as Http from "node:http"
import * as Https from "node:https"

/** Connections at a time: the event streams, and short requests. */
const MAX_CONNECTIONS = 128
/** Milliseconds in which a request must be there, its body included. */
const REQUEST_TIMEOUT = 10_000
const MAX_HEADER_BYTES = 16 * 1024

export interface Tls {
  readonly key: string
  readonly cert: string
}

/** Listens. `serve` then answers by the application, until the scope closes. */
export const listen = Effect.fnUntraced(function*(
  address: { readonly host: string; readonly port: number },
  tls: Tls | undefined
) {
  const limits: Http.ServerOptions = {
    connectionsCheckingInterval: REQUEST_TIMEOUT / 10,
    headersTimeout: REQUEST_TIMEOUT,
    maxHeaderSize: MAX_HEADER_BYTES,
    requestTimeout: REQUEST_TIMEOUT
  }
  const server = tls === undefined
    ? Http.createServer(limits)
    : Https.createServer({ ...limits, ...tls, handshakeTimeout: REQUEST_TIMEOUT })
  server.maxConnections = MAX_CONNECTIONS
  const http = yield* NodeHttpServer.make(() => server, { ...address, gracefulShutdownTimeout: "500 millis" })
  // Runs before the server is closed, which waits for its connections.
  yield* Effect.addFinalizer(() => Effect.sync(() => server.closeAllConnections()))
  return {
    port: "port" in http.address ? http.address.port : address.port,
    serve: (
      app: Effect.Effect<HttpServerResponse.HttpServerResponse, never, HttpServerRequest.HttpServerRequest>
    ) => http.serve(app).pipe(Effect.provideService(HttpMiddleware.TracerDisabledWhen, () => true))
  }
})
