/**
 * The answers of a dashboard.
 *
 * Must stay true: no request changes anything but `POST /login`, which makes a session. A request is checked before
 * anything is read: its host, the site that made it, its path, its method, then its session. The page itself needs no
 * session, because it shows nothing until it has one.
 */
import * as ByteSize from "effect/ByteSize"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as HttpIncomingMessage from "effect/http/HttpIncomingMessage"
import * as HttpServerRequest from "effect/http/HttpServerRequest"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import * as PrometheusMetrics from "effect/observability/PrometheusMetrics"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import type { ViewedRecording } from "../recorder/recording.ts"
import { traceOf } from "../recorder/trace.ts"
import * as Access from "./access.ts"
import type { Feed } from "./feed.ts"
import * as Page from "./page.ts"
import { reportOf } from "./report.ts"

/** Event streams at a time. */
const MAX_VIEWERS = 32
const MAX_LOGIN_BYTES = 4096

export interface Options {
  readonly recording: ViewedRecording
  readonly feed: Feed
  /** The hosts that are accepted. Default: those that the server of the user accepts. */
  readonly hosts?: Access.Hosts | undefined
  /** Default: everyone who reaches the server may look. */
  readonly login?: {
    readonly sessions: Access.Sessions
    /** The name of the cookie: cookies are shared by all ports of a host. */
    readonly cookie: string
    readonly secure: boolean
  } | undefined
  readonly metrics: boolean
}

type Answer = (
  request: HttpServerRequest.HttpServerRequest
) => Effect.Effect<HttpServerResponse.HttpServerResponse>

interface Route {
  readonly method: "GET" | "POST"
  /** Everyone may ask for it. */
  readonly open?: boolean
  readonly answer: Answer
}

const text = (status: number, message: string, headers: Readonly<Record<string, string>> = {}) =>
  HttpServerResponse.text(`${message}\n`, { status, headers })

const json = (data: unknown) => HttpServerResponse.text(JSON.stringify(data), { contentType: "application/json" })

/** A relative URL of the page needs the slash at the end of its path. Where the page is mounted, a user may leave it out. */
const withSlash = ({ originalUrl }: HttpServerRequest.HttpServerRequest, html: string) => {
  const path = originalUrl.split("?", 1)[0]
  if (path.endsWith("/")) return HttpServerResponse.html(html)
  return HttpServerResponse.redirect(`./${path.slice(path.lastIndexOf("/") + 1)}/`, { status: 308 })
}

/** Text that the browser saves: it is not shown with the rights of the page. */
const saveAs = (name: string, contentType: string) => (content: string) =>
  HttpServerResponse.text(content, {
    contentType,
    headers: { "content-disposition": `attachment; filename="${name}"` }
  })

/** Nothing of an answer is kept, framed, guessed, or read by another site. */
const headersOf = ({ policy }: Page.Page) => ({
  "content-security-policy": `${policy("'self'")}; frame-ancestors 'none'`,
  "cache-control": "no-store",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY"
})

/** How often a viewer looks whether its server closes. */
const LOOK_EVERY = "250 millis"

/**
 * Completes when the server of the request has begun to close, for which it waits for its connections. The Layer of a
 * server ends before those of its routes, so that they learn of it by nothing else.
 */
const closingOf = ({ source }: HttpServerRequest.HttpServerRequest): Effect.Effect<void> => {
  const { socket } = source as { readonly socket?: { readonly server?: { readonly listening?: boolean } } }
  const server = socket?.server
  if (server?.listening !== true) return Effect.never
  return Effect.asVoid(Effect.repeat(Effect.sleep(LOOK_EVERY), { until: () => server.listening === false }))
}

/** The path of a request, with one segment at most behind `/failures/`. */
const pathOf = ({ url }: HttpServerRequest.HttpServerRequest): string => url.split("?", 1)[0]

export const make = Effect.fnUntraced(function*(options: Options) {
  const { feed, hosts, login, recording } = options
  const page = yield* Page.load
  const html = page.html({ title: "papyros" })
  const headers = headersOf(page)
  const context = yield* Effect.context<never>()
  let viewers = 0

  const events: Answer = (request) =>
    Effect.sync(() => {
      if (viewers >= MAX_VIEWERS) {
        return text(503, `There are ${MAX_VIEWERS} viewers already. Close another page.`, { "retry-after": "10" })
      }
      const stream = Stream.unwrap(Effect.as(
        Effect.acquireRelease(Effect.sync(() => viewers++), () => Effect.sync(() => viewers--)),
        feed.events(closingOf(request))
      ))
      // A proxy must pass each event on at once.
      return HttpServerResponse.stream(stream, {
        contentType: "text/event-stream",
        // A server that closes waits for connections that are kept.
        headers: { "x-accel-buffering": "no", connection: "close" }
      })
    })

  const routes = new Map<string, Route>([
    ["/", { method: "GET", open: true, answer: (request) => Effect.succeed(withSlash(request, html)) }],
    ["/events", { method: "GET", answer: events }],
    ["/history", {
      method: "GET",
      answer: () =>
        Effect.map(
          recording.history,
          Option.match({
            onNone: () => text(404, "This dashboard has no view of the whole run."),
            onSome: (bytes) => HttpServerResponse.uint8Array(bytes)
          })
        )
    }],
    ["/report.html", {
      method: "GET",
      answer: () => Effect.map(reportOf(recording), saveAs("report.html", "text/html"))
    }],
    ["/trace.json", {
      method: "GET",
      answer: () => Effect.map(Effect.map(recording.snapshot, traceOf), saveAs("trace.json", "application/json"))
    }]
  ])
  if (options.metrics) {
    routes.set("/metrics", {
      method: "GET",
      answer: () => Effect.sync(() => HttpServerResponse.text(PrometheusMetrics.formatUnsafe(context)))
    })
  }
  if (login !== undefined) routes.set("/login", { method: "POST", open: true, answer: logInto(login) })

  const routeOf = (path: string): Route | undefined => {
    const id = /^\/failures\/(\d{1,15})$/.exec(path)?.[1]
    if (id === undefined) return routes.get(path)
    return {
      method: "GET",
      answer: () =>
        Effect.map(
          recording.failure(Number(id)),
          Option.match({ onNone: () => text(404, "This failure is not kept any more."), onSome: json })
        )
    }
  }

  const answer = (request: HttpServerRequest.HttpServerRequest) =>
    Effect.gen(function*() {
      if (hosts !== undefined && !hosts.has(request.headers)) {
        return text(
          421,
          "This dashboard does not accept the host name of the request. Open the address that the program printed, or add " +
            "the name to the option `hosts` of Dashboard.layer."
        )
      }
      if (Access.isCrossSite(request.headers)) return text(403, "Requests of other sites are refused.")
      const route = routeOf(pathOf(request))
      if (route === undefined) return text(404, "There is no such page.")
      if (request.method !== route.method) return text(405, `Use ${route.method}.`, { allow: route.method })
      if (login !== undefined && route.open !== true) {
        const now = yield* Clock.currentTimeMillis
        if (!login.sessions.has(request.cookies[login.cookie], now)) {
          return text(401, "Open the page by its address with the token.")
        }
      }
      return yield* route.answer(request)
    })

  return Effect.flatMap(
    HttpServerRequest.HttpServerRequest,
    (request) => Effect.map(answer(request), HttpServerResponse.setHeaders(headers))
  )
})

/** Takes the token, and sets the cookie of a session. */
const logInto = ({ cookie, secure, sessions }: NonNullable<Options["login"]>): Answer => (request) =>
  Effect.gen(function*() {
    const token = yield* request.text
    const login = sessions.login(token, yield* Clock.currentTimeMillis)
    switch (login._tag) {
      case "Accepted":
        return HttpServerResponse.setCookieUnsafe(HttpServerResponse.empty(), cookie, login.session, {
          httpOnly: true,
          maxAge: `${Access.SESSION_SECONDS} seconds`,
          path: "/",
          sameSite: "strict",
          secure
        })
      case "Refused":
        return text(
          401,
          "The token is wrong. It is the text behind # in the address that the command or the program printed."
        )
      case "Limited":
        return text(429, "Too many wrong tokens.", { "retry-after": "1" })
    }
  }).pipe(
    Effect.provideService(HttpIncomingMessage.MaxBodySize, ByteSize.fromInputUnsafe(MAX_LOGIN_BYTES)),
    Effect.catchTag("HttpServerError", () => Effect.succeed(text(413, "A token has at most 4096 bytes.")))
  )
