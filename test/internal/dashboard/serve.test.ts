import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as HttpRouter from "effect/http/HttpRouter"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Queue from "effect/Queue"
import * as Redacted from "effect/Redacted"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import * as Dashboard from "papyros/Dashboard"
import * as TaskGroup from "papyros/TaskGroup"
import { noop } from "papyros/testing"
import { Sessions } from "../../../src/internal/dashboard/access.ts"
import { serve, type ServeOptions } from "../../../src/internal/dashboard/serve.ts"
import type { ViewedRecording } from "../../../src/internal/recorder/recording.ts"
import { logs, raw, until } from "../../support/remote/sockets.ts"

const TOKEN = "correct-horse-battery-staple"

/** A source whose frames the test offers. `made` counts how often frames were started. */
const source = Effect.gen(function*() {
  const frames = yield* Queue.unbounded<{ readonly sequence: number }>()
  const state = { sequence: 0, snapshots: 0, open: 0 }
  // The server passes everything on as JSON, whatever it is.
  const self = {
    snapshot: Effect.sync(() => {
      state.snapshots++
      return { sequence: state.sequence, latestFailures: [] }
    }),
    frames: Stream.unwrap(Effect.as(
      Effect.acquireRelease(Effect.sync(() => state.open++), () => Effect.sync(() => state.open--)),
      Stream.fromQueue(frames)
    )),
    history: Effect.succeedSome(Uint8Array.of(1, 2, 3)),
    failure: (id: number) => Effect.succeed(id === 7 ? Option.some({ message: "</script>\u202e" }) : Option.none())
  } as unknown as ViewedRecording
  const offer = (padding = "") =>
    Effect.suspend(() => Queue.offer(frames, { sequence: ++state.sequence, padding } as { sequence: number }))
  return { self, state, offer }
})

const started = Effect.fnUntraced(function*(options: Partial<ServeOptions> = {}) {
  const given = yield* source
  const url = new URL(yield* serve(given.self, { host: "127.0.0.1", port: 0, ...options }))
  return { ...given, url, port: Number(url.port) }
})

/** Sends text on a connection of its own, and returns the answer once its head and its first bytes are there. */
const send = Effect.fnUntraced(function*(port: number, text: string) {
  const connection = yield* raw(port)
  connection.socket.write(text)
  yield* until(() => connection.closed || Buffer.concat(connection.received).includes("\r\n\r\n"))
  return { connection, ...answerOf(Buffer.concat(connection.received).toString()) }
})

const answerOf = (text: string) => {
  const [head, body = ""] = text.split("\r\n\r\n", 2)
  const [line, ...fields] = head.split("\r\n")
  const headers = Object.fromEntries(fields.map((field) => {
    const at = field.indexOf(":")
    return [field.slice(0, at).toLowerCase(), field.slice(at + 1).trim()]
  }))
  return { status: Number(line.split(" ")[1]), headers, body }
}

const request = (
  port: number,
  options: { method?: string; path?: string; headers?: Readonly<Record<string, string>>; body?: string } = {}
) => {
  const { body = "", headers = {}, method = "GET", path = "/" } = options
  const all = { host: `127.0.0.1:${port}`, connection: "close", "content-length": String(body.length), ...headers }
  const fields = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`).join("")
  return send(port, `${method} ${path} HTTP/1.1\r\n${fields}\r\n${body}`)
}

const statusOf = (...args: Parameters<typeof request>) => Effect.map(request(...args), ({ status }) => status)

const login = (port: number, token: string) => request(port, { method: "POST", path: "/login", body: token })

describe("sessions of a dashboard", () => {
  it("end, are 64 at most, and are opened again though the clock was set back", () => {
    const sessions = new Sessions(Redacted.make(TOKEN))
    const open = (now: number): string => {
      const login = sessions.login(TOKEN, now)
      return login._tag === "Accepted" ? login.session : assert.fail(login._tag)
    }
    const first = open(0)
    assert.deepStrictEqual([0, 43_199_999, 43_200_000].map((now) => sessions.has(first, now)), [true, true, false])
    const others = Array.from({ length: 64 }, () => open(0))
    assert.isFalse(sessions.has(first, 0))
    assert.isTrue(others.every((id) => sessions.has(id, 0)))
    for (let n = 0; n < 5; n++) assert.strictEqual(sessions.login("wrong", 1_000_000)._tag, "Refused")
    assert.strictEqual(sessions.login(TOKEN, 1_000_999)._tag, "Limited")
    assert.strictEqual(sessions.login(TOKEN, 0)._tag, "Accepted")
  })
})

describe("dashboard server", () => {
  it.live("answers known paths and methods only, and changes nothing", () =>
    Effect.gen(function*() {
      const { port } = yield* started()
      assert.strictEqual(yield* statusOf(port), 200)
      assert.strictEqual(yield* statusOf(port, { path: "/?view=failures" }), 200)
      assert.strictEqual(yield* statusOf(port, { path: "/history" }), 200)
      assert.strictEqual(yield* statusOf(port, { path: "/failures/7" }), 200)
      for (
        const path of ["/failures/8", "/failures/x", "/failures/7/8", "/metrics", "/login", "/..", "//", "/index.html"]
      ) {
        assert.strictEqual(yield* statusOf(port, { path }), 404, path)
      }
      for (const method of ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "HEAD", "TRACE"]) {
        const { headers, status } = yield* request(port, { method, path: "/history" })
        assert.strictEqual(status, 405, method)
        assert.strictEqual(headers.allow, "GET")
      }
    }))

  it.live("refuses other names of the host, which a foreign page may have resolved to it", () =>
    Effect.gen(function*() {
      const { port } = yield* started({
        hosts: ["Papyros.example", "proxy.example:8080", "tls.example:443", "fe80::1", "[fe80::2]:443"]
      })
      for (const host of ["localhost", "127.0.0.1", "[::1]", "papyros.example"]) {
        assert.strictEqual(yield* statusOf(port, { headers: { host: `${host}:${port}` } }), 200, host)
      }
      assert.strictEqual(yield* statusOf(port, { headers: { host: "proxy.example:8080" } }), 200)
      // Browsers leave out the port of a proxy that is the default one.
      for (const host of ["papyros.example", "tls.example", "tls.example:443", "[fe80::1]", "[fe80::2]"]) {
        assert.strictEqual(yield* statusOf(port, { headers: { host } }), 200, host)
      }
      assert.strictEqual(yield* statusOf(port, { headers: { host: `[fe80::1]:${port}` } }), 200)
      for (const host of ["evil.example", `evil.example:${port}`, "127.0.0.1", "localhost:1", "proxy.example", ""]) {
        assert.strictEqual(yield* statusOf(port, { headers: { host } }), 421, host)
      }
      // The target of a request takes precedence over its host.
      const absolute = yield* send(
        port,
        `GET http://evil.example:${port}/ HTTP/1.1\r\nhost: 127.0.0.1:${port}\r\nconnection: close\r\n\r\n`
      )
      assert.strictEqual(absolute.status, 421)
      assert.strictEqual((yield* send(port, "GET / HTTP/1.0\r\n\r\n")).status, 421)
    }))

  it.live("refuses requests that pages of other sites make, and follows their links", () =>
    Effect.gen(function*() {
      const { port } = yield* started()
      const foreign = { "sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors" }
      assert.strictEqual(yield* statusOf(port, { headers: foreign }), 403)
      assert.strictEqual(yield* statusOf(port, { headers: { ...foreign, "sec-fetch-mode": "navigate" } }), 200)
      assert.strictEqual(yield* statusOf(port, { headers: { ...foreign, "sec-fetch-site": "same-origin" } }), 200)
    }))

  it.live("sends the same strict headers with every answer, and allows no other origin", () =>
    Effect.gen(function*() {
      const { port } = yield* started()
      for (const path of ["/", "/nothing", "/history", "/failures/7"]) {
        const { headers } = yield* request(port, { path, headers: { origin: "http://evil.example" } })
        assert.match(
          headers["content-security-policy"],
          /^default-src 'none'; script-src 'sha256-[\w+/]+=*'; style-src 'sha256-/
        )
        assert.match(headers["content-security-policy"], /require-trusted-types-for 'script'.*frame-ancestors 'none'/)
        assert.deepStrictEqual(
          [
            headers["cache-control"],
            headers["referrer-policy"],
            headers["x-content-type-options"],
            headers["cross-origin-opener-policy"],
            headers["cross-origin-resource-policy"],
            headers["access-control-allow-origin"]
          ],
          ["no-store", "no-referrer", "nosniff", "same-origin", "same-origin", undefined]
        )
      }
    }))

  it.live("shows everything but the page to sessions only, which the token opens", () =>
    Effect.gen(function*() {
      const { port, url } = yield* started({ token: Redacted.make(TOKEN) })
      assert.strictEqual(url.hash, `#${TOKEN}`)
      assert.strictEqual(yield* statusOf(port), 200)
      for (const path of ["/events", "/history", "/failures/7"]) {
        assert.strictEqual(yield* statusOf(port, { path }), 401, path)
        assert.strictEqual(yield* statusOf(port, { path, headers: { cookie: `papyros-${port}=x` } }), 401, path)
      }
      assert.strictEqual(yield* statusOf(port, { path: "/login" }), 405)
      const { headers, status } = yield* login(port, TOKEN)
      assert.strictEqual(status, 204)
      const [cookie, ...attributes] = headers["set-cookie"].split("; ")
      assert.match(cookie, new RegExp(`^papyros-${port}=[\\w-]{43}$`))
      assert.deepStrictEqual(attributes.sort(), ["HttpOnly", "Max-Age=43200", "Path=/", "SameSite=Strict"])
      assert.strictEqual(yield* statusOf(port, { path: "/history", headers: { cookie } }), 200)
      assert.strictEqual(yield* statusOf(port, { path: "/nothing", headers: { cookie } }), 404)
    }))

  it.live("refuses further logins in the second of five wrong ones, and long bodies", () =>
    Effect.gen(function*() {
      const { port } = yield* started({ token: Redacted.make(TOKEN) })
      assert.strictEqual((yield* login(port, "x".repeat(5000))).status, 413)
      const statuses: Array<number> = []
      while (!statuses.includes(429)) statuses.push((yield* login(port, `${TOKEN}x`)).status)
      assert.isAtLeast(statuses.length, 6)
      assert.deepStrictEqual(new Set(statuses), new Set([401, 429]))
      // The wait is over after a second.
      let status = 429
      while (status === 429) status = (yield* login(port, TOKEN)).status
      assert.strictEqual(status, 204)
    }))

  it.live("needs a token of 128 bits where other hosts can reach it, and says how to go without TLS", () =>
    Effect.gen(function*() {
      const failing = (options: Partial<ServeOptions>) => Effect.flip(Effect.scoped(started(options)))
      const none = yield* failing({ host: "0.0.0.0" })
      assert.strictEqual(none.reason._tag, "NeedsToken")
      assert.match(none.message, /0\.0\.0\.0:0 can be reached from other hosts.*papyros secret/)
      assert.strictEqual((yield* failing({ host: "0.0.0.0", token: Redacted.make("short") })).reason._tag, "NeedsToken")
      const empty = yield* failing({ token: Redacted.make("") })
      assert.strictEqual(empty.reason._tag, "NeedsToken")
      assert.match(
        empty.message,
        /^The token of the dashboard on 127\.0\.0\.1:0 has 0 characters: give one of at least 22/
      )
      const invalid = yield* failing({ tls: { key: "no key", cert: "no certificate" } })
      assert.strictEqual(invalid.reason._tag, "InvalidTls")
      assert.match(invalid.message, /^The `key` and the `cert` of `tls` cannot be used: .*PEM/)
      const { layer, lines } = logs()
      const { port, url } = yield* started({ host: "0.0.0.0", token: Redacted.make(TOKEN) }).pipe(Effect.provide(layer))
      assert.strictEqual(yield* statusOf(port), 200)
      // The address of the page is one that is accepted.
      assert.notStrictEqual(url.hostname, "0.0.0.0")
      assert.strictEqual(yield* statusOf(port, { headers: { host: url.host } }), 200)
      assert.match(lines[0].text, /unencrypted.*ssh -L/)
      assert.notInclude(lines[0].text, TOKEN)
      const busy = yield* failing({ port })
      assert.strictEqual(busy.reason._tag, "CannotListen")
      assert.match(busy.message, new RegExp(`^127\\.0\\.0\\.1:${port}: cannot listen: the address is in use`))
    }))

  it.live("sends a snapshot, then frames that follow it, and makes frames only while somebody looks", () =>
    Effect.gen(function*() {
      const { offer, port, state } = yield* started()
      assert.strictEqual(state.open, 0)
      const { connection, headers } = yield* request(port, { path: "/events" })
      assert.strictEqual(headers["content-type"], "text/event-stream")
      const text = () => Buffer.concat(connection.received).toString()
      yield* until(() => state.open === 1)
      yield* offer()
      yield* until(() => text().includes(`event: frame\ndata: {"sequence":1`))
      assert.include(text(), `event: snapshot\ndata: {"sequence":0,`)
      const other = yield* request(port, { path: "/events" })
      yield* until(() => Buffer.concat(other.connection.received).includes(`event: snapshot\ndata: {"sequence":1,`))
      yield* offer()
      yield* until(() => Buffer.concat(other.connection.received).includes(`event: frame\ndata: {"sequence":2`))
      assert.strictEqual(state.open, 1)
      connection.socket.destroy()
      other.connection.socket.destroy()
      yield* until(() => state.open === 0)
    }))

  it.live("gives a viewer that reads slowly a snapshot, and holds no other viewer back", () =>
    Effect.gen(function*() {
      const { offer, port, state } = yield* started()
      const slow = yield* request(port, { path: "/events" })
      slow.connection.socket.pause()
      const fast = yield* request(port, { path: "/events" })
      const textOf = ({ connection }: typeof slow) => Buffer.concat(connection.received).toString()
      yield* until(() => textOf(fast).includes("event: snapshot"))
      const padding = "x".repeat(1024 * 1024)
      const sizeOf = ({ connection }: typeof slow) => connection.received.reduce((sum, { length }) => sum + length, 0)
      for (let n = 1; n <= 20; n++) {
        yield* offer(padding)
        yield* until(() => sizeOf(fast) > n * padding.length)
      }
      slow.connection.socket.resume()
      yield* offer()
      yield* until(() => /"sequence":21,/.test(textOf(slow).slice(-2 * padding.length)))
      assert.isBelow(textOf(slow).split("event: frame").length, 20)
      assert.isAtLeast(state.snapshots, 3)
    }))

  it.live("has 32 viewers at a time", () =>
    Effect.gen(function*() {
      const { port } = yield* started()
      const viewers = yield* Effect.all(
        Array.from({ length: 32 }, () => request(port, { path: "/events" })),
        { concurrency: 8 }
      )
      assert.deepStrictEqual(new Set(viewers.map(({ status }) => status)), new Set([200]))
      assert.strictEqual(yield* statusOf(port, { path: "/events" }), 503)
      viewers[0].connection.socket.destroy()
      let status = 503
      while (status === 503) status = yield* statusOf(port, { path: "/events" })
      assert.strictEqual(status, 200)
    }))

  it.live("sends viewers the latest figures and its end, and ends at once with open connections", () =>
    Effect.gen(function*() {
      const scope = yield* Scope.make()
      const { port, state } = yield* Scope.provide(started(), scope)
      const { connection } = yield* request(port, { path: "/events" })
      yield* raw(port)
      yield* until(() => Buffer.concat(connection.received).includes("event: snapshot"))
      state.sequence = 7
      yield* Scope.close(scope, Exit.void)
      yield* until(() => connection.closed)
      const events = Array.from(
        Buffer.concat(connection.received).toString().matchAll(/event: (\w+)\ndata: (?:\{"sequence":(\d+))?/g),
        ([, event, sequence]) => [event, sequence]
      )
      assert.deepStrictEqual(events, [["snapshot", "0"], ["snapshot", "7"], ["end", undefined]])
    }))

  it.live("refuses headers of more than 16 KiB", () =>
    Effect.gen(function*() {
      const { port } = yield* started()
      assert.strictEqual(yield* statusOf(port, { headers: { "x-long": "x".repeat(20_000) } }), 431)
    }))

  it.live("closes connections whose headers or bodies do not come within 10 seconds", () =>
    Effect.gen(function*() {
      const { port } = yield* started({ token: Redacted.make(TOKEN) })
      const head = `POST /login HTTP/1.1\r\nhost: 127.0.0.1:${port}\r\n`
      const connections = yield* Effect.forEach([head, `${head}content-length: 100\r\n\r\nx`], (text) =>
        Effect.tap(raw(port), ({ socket }) => Effect.sync(() => socket.write(text))))
      yield* until(() =>
        connections.every(({ closed }) => closed)
      )
      for (const { received } of connections) {
        assert.match(Buffer.concat(received).toString(), /^HTTP\/1\.1 408 /)
      }
    }), 30_000)

  it.live("tells viewers of the end of a server of the user, which does not wait for them", () =>
    Effect.gen(function*() {
      const scope = yield* Scope.make()
      const server = createServer()
      const app = HttpRouter.serve(Dashboard.routes(), { disableListenLog: true, disableLogger: true }).pipe(
        Layer.provide(NodeHttpServer.layer(() => server, { port: 0, host: "127.0.0.1" })),
        Layer.provide(noop(TaskGroup.make()))
      )
      yield* Layer.buildWithScope(app, scope)
      const { port } = server.address() as AddressInfo
      const { connection } = yield* request(port, { path: "/papyros/events", headers: { connection: "keep-alive" } })
      const text = () => Buffer.concat(connection.received).toString()
      yield* until(() => text().includes("event: snapshot"))
      const closing = yield* Effect.forkChild(Scope.close(scope, Exit.void))
      yield* until(() => connection.closed)
      assert.match(text(), /event: end/)
      yield* Fiber.join(closing)
    }))
})
