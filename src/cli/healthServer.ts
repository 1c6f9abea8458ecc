/**
 * The answers of the health endpoint. This module loads the HTTP server of the platform, and is loaded on demand.
 *
 * Must stay true: an answer tells nothing but whether the process lives and whether it is ready.
 */
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import * as Effect from "effect/Effect"
import * as HttpServerRequest from "effect/http/HttpServerRequest"
import * as HttpServerResponse from "effect/http/HttpServerResponse"

export const make = NodeHttpServer.make

/** `/live`: this process answers. `/ready`: it serves, and has not been told to end. */
export const respond = (isReady: () => boolean) =>
  Effect.map(HttpServerRequest.HttpServerRequest, ({ method, url }) => {
    const path = url.split("?")[0]
    if (method !== "GET" && method !== "HEAD") return answer(405, "method not allowed")
    if (path === "/live") return answer(200, "live")
    if (path === "/ready") return isReady() ? answer(200, "ready") : answer(503, "not ready")
    return answer(404, "not found")
  })

const answer = (status: number, text: string) =>
  HttpServerResponse.text(`${text}\n`, { status, headers: { "cache-control": "no-store" } })
