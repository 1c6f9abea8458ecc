import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { once } from "node:events"
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs"
import * as Http from "node:http"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { until } from "../support/remote/sockets.ts"
import { fixture, handlers, papyrosWith, parsed, start } from "./harness.ts"

const temporary = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "papyros-dashboard-"))),
  (folder) => Effect.sync(() => rmSync(folder, { recursive: true }))
)

const answerOf = (request: Http.ClientRequest) =>
  Effect.promise(async () => (await once(request, "response"))[0] as Http.IncomingMessage)

describe("papyros run --dashboard", { timeout: 60_000 }, () => {
  it.live("prints the address of the page, hides the token from handlers, and ends without waiting for viewers", () =>
    Effect.gen(function*() {
      const token = "correct-horse-battery-staple"
      const { child, ended, written } = start(
        ["run", fixture("secretHandlers.ts"), "Reveal", "--dashboard", "0"],
        { PAPYROS_DASHBOARD_TOKEN: token }
      )
      yield* until(() => written.stderr.includes("\n"))
      const [, url, port] = /^Dashboard: (http:\/\/127\.0\.0\.1:(\d+)\/)#correct-horse-battery-staple$/m.exec(
        written.stderr
      )!
      const login = Http.request(`${url}login`, { method: "POST", agent: false }).end(token)
      const [cookie] = (yield* answerOf(login)).headers["set-cookie"]![0].split(";")
      const viewers = yield* Effect.all(
        Array.from({ length: 10 }, () => answerOf(Http.get(`${url}events`, { headers: { cookie }, agent: false }))),
        { concurrency: "unbounded" }
      )
      const received = viewers.map((viewer) => {
        const text = { all: "" }
        viewer.setEncoding("utf8").on("data", (chunk) => text.all += chunk).on("error", () => {})
        return text
      })
      yield* until(() => received.every(({ all }) => all.includes("event: snapshot")))
      child.stdin.end("{}\n")
      const { code, stdout } = yield* ended
      assert.strictEqual(code, 0)
      assert.deepStrictEqual(parsed(stdout), [{ index: 0, success: [] }])
      assert.isTrue(received.every(({ all }) => all.includes("event: end")), port)
    }))

  it.live("says what is wrong with its flags", () =>
    Effect.gen(function*() {
      const open = yield* papyrosWith(
        ["run", handlers, "Wait", "--dashboard", "0", "--dashboard-host", "0.0.0.0"],
        { stdin: "" }
      )
      // The command makes a token itself.
      assert.strictEqual(open.code, 0)
      assert.match(open.stderr, /Dashboard: http:\/\/\d+\.\d+\.\d+\.\d+:\d+\/#[\w-]{32}/)
      assert.notInclude(open.stderr, "http://0.0.0.0")
      const nowhere = yield* papyrosWith(
        ["run", handlers, "Wait", "--dashboard", "0", "--dashboard-host", "203.0.113.7"],
        { stdin: "" }
      )
      assert.strictEqual(nowhere.code, 2)
      assert.match(
        nowhere.stderr,
        /^The dashboard could not start: 203\.0\.113\.7:0: cannot listen: this host does not have/
      )
      // Before anything else: the handlers module is missing.
      const commands = [["run", "./missing.ts", "Wait"], ["workers", "./missing.ts"], ["nameserver", "--port", "0"]]
      for (const command of commands) {
        const { code, stderr } = yield* papyrosWith([...command, "--dashboard-host", "127.0.0.1"], { stdin: "" })
        assert.strictEqual(code, 2)
        assert.match(stderr, /^--dashboard-host or PAPYROS_DASHBOARD_HOST is given without a port/)
      }
      const unused = yield* papyrosWith(["run", "./missing.ts", "Wait", "--show-payloads"], { stdin: "" })
      assert.strictEqual(unused.code, 2)
      assert.match(unused.stderr, /^--show-payloads shows payloads .*: give --dashboard or --report too\.\n$/)
      const invalid = yield* papyrosWith(["run", handlers, "Wait", "--dashboard", "70000"], { stdin: "" })
      assert.match(invalid.stderr, /a port from 0 to 65535.*--dashboard or PAPYROS_DASHBOARD/s)
    }))
})

describe("papyros run --report", () => {
  it.live("writes a report of all tasks, also when some fail", () =>
    Effect.gen(function*() {
      const file = join(yield* temporary, "report.html")
      const input = [4, -1, 6].map((n) => JSON.stringify({ n })).join("\n")
      const { code, stdout } = yield* papyrosWith(["run", handlers, "Factorize", "--report", file], { stdin: input })
      assert.strictEqual(code, 1)
      assert.lengthOf(parsed(stdout), 3)
      assert.match(readFileSync(file, "utf8"), /^<!doctype html>.*<title>Factorize · papyros<\/title>/s)
    }))

  it.live("goes on without a report that cannot be written", () =>
    Effect.gen(function*() {
      const file = join(yield* temporary, "missing", "report.html")
      const { code, stdout } = yield* papyrosWith(["run", handlers, "Factorize", "--report", file], {
        stdin: "{\"n\":4}"
      })
      assert.strictEqual(code, 0)
      assert.lengthOf(parsed(stdout), 1)
      assert.isFalse(existsSync(file))
    }))
})
