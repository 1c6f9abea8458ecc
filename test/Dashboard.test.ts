import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import { assert, describe, layer } from "@effect/vitest"
import axe from "axe-core"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as HttpRouter from "effect/http/HttpRouter"
import * as Latch from "effect/Latch"
import * as Layer from "effect/Layer"
import * as Record from "effect/Record"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { createServer } from "node:http"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { pathToFileURL } from "node:url"
import * as Dashboard from "papyros/Dashboard"
import * as Dispatcher from "papyros/Dispatcher"
import * as FiberDispatcher from "papyros/FiberDispatcher"
import * as Recording from "papyros/Recording"
import * as Report from "papyros/Report"
import * as Task from "papyros/Task"
import * as TaskGroup from "papyros/TaskGroup"
import type { Page } from "playwright-core"
import { Chromium, isAvailable, open } from "./support/browser/chromium.ts"
import { freePort } from "./support/remote/processes.ts"
import { TLS } from "./support/tls.ts"

class Corrupt extends Schema.TaggedError<Corrupt>()("Corrupt", { file: Schema.String }) {
  override get message() {
    return `${this.file} is corrupt <b>\u202e`
  }
}

/** Waits for the latch, unless it is to fail. Its name is an attack. */
class Attack extends Task.Class<Attack>()("<img src=x onerror=alert(1)>", {
  payload: { n: Schema.Int, secret: Schema.String },
  error: Corrupt
}) {}

class Count extends Task.Class<Count>()("Count", { payload: { n: Schema.Int }, success: Schema.Int }) {}

const Tasks = TaskGroup.make(Attack, Count)

const setting = Effect.fnUntraced(function*(options: Dashboard.DashboardOptions = {}) {
  const latch = yield* Latch.make()
  const handlers = Tasks.toLayer({
    "<img src=x onerror=alert(1)>": ({ n }) => n < 0 ? Effect.fail(new Corrupt({ file: `file${n}` })) : latch.await,
    Count: ({ n }) => Effect.succeed(n)
  })
  const layer = Dashboard.layer({ port: 0, ...options }).pipe(
    Layer.provideMerge(FiberDispatcher.layer(Tasks, { concurrency: 4 })),
    Layer.provide(handlers)
  )
  const context = yield* Layer.build(layer)
  return { latch, context, url: Context.get(context, Dashboard.Dashboard).url }
})

const attack = (n: number) => new Attack({ n, secret: "tell nobody" })

const textOf = (page: Page, selector: string): Effect.Effect<string> =>
  Effect.promise(async () => (await page.locator(selector).first().innerText()).replace(/\s+/g, " "))

/** Waits until a part of the page shows a text. */
const shows = (page: Page, selector: string, text: string | RegExp) =>
  Effect.promise(() => page.locator(selector, { hasText: text }).first().waitFor())

const HEADINGS = {
  overview: "Overview",
  stream: "Task stream",
  tasks: "Tasks",
  workers: "Workers",
  failures: "Failures"
} as const

/** The faults that axe finds, with the elements that have them. */
const AXE = `axe.run().then(({ violations }) =>
  violations.map(({ id, nodes }) => id + ": " + nodes.map(({ html }) => html).join(" ")))`

const tile = (name: string) => `.tile:has(.k:text-is("${name}"))`

describe.skipIf(!isAvailable)(
  "Dashboard in a browser",
  () =>
    layer(Chromium.layer, { excludeTestServices: true })((it) => {
      it.effect("shows the figures of the dispatcher, and the text of tasks as text", () =>
        Effect.gen(function*() {
          const { context, latch, url } = yield* setting()
          const run = yield* Stream.make(...Array.from({ length: 100 }, (_, n) => new Count({ n }))).pipe(
            Stream.concat(Stream.make(attack(-1), attack(-2), ...Array.from({ length: 10 }, (_, n) => attack(n)))),
            Dispatcher.results({ chunkSize: 1 }),
            Stream.runDrain,
            Effect.provideContext(context),
            Effect.forkScoped
          )
          const { page, problems } = yield* open(url)
          yield* shows(page, tile("Done"), "100")
          yield* shows(page, tile("Failed"), "2")
          yield* shows(page, tile("Running"), "4 of 4 slots")
          const status = yield* Context.get(context, Dispatcher.Dispatcher).status
          assert.strictEqual(status.running, 4)
          yield* shows(page, tile("Waiting"), String(status.waiting))
          yield* shows(page, "td", "<img src=x onerror=alert(1)>")
          yield* shows(page, "td", "file-2 is corrupt <b>\\u202e")
          assert.notInclude(yield* Effect.promise(() => page.content()), "tell nobody")
          yield* latch.open
          yield* Fiber.join(run)
          yield* shows(page, tile("Done"), "110")
          yield* shows(page, tile("Running"), "0 of 4 slots")
          assert.deepStrictEqual(problems, [])
        }), 60_000)

      it.effect("has every view, the filter, the pause, the themes and the help on keys", () =>
        Effect.gen(function*() {
          const { context, url } = yield* setting({ payloads: true })
          const execute = (tasks: ReadonlyArray<Attack | Count>) =>
            Stream.fromIterable(tasks).pipe(Dispatcher.results(), Stream.runDrain, Effect.provideContext(context))
          yield* execute([attack(-1), new Count({ n: 1 })])
          const { page, problems } = yield* open(url, { colorScheme: "light" })
          const press = (key: string) => Effect.promise(() => page.keyboard.press(key))
          yield* shows(page, tile("Done"), "1")
          const headings = {
            1: "Where the time went",
            2: "Task stream",
            3: "Tasks by type",
            4: "Events",
            5: "Failures by cause"
          }
          for (const [key, heading] of Object.entries(headings)) {
            yield* press(key)
            yield* shows(page, "h2", heading)
            yield* shows(page, "nav a[aria-current=page]", /./)
          }
          // The details of the only failure, with its payload.
          yield* shows(page, "dd", "tell nobody")
          yield* shows(page, "h2", "<img src=x onerror=alert(1)> #0 · Failed")
          yield* press("3")
          yield* press("/")
          yield* Effect.promise(() => page.keyboard.type("coun"))
          yield* shows(page, ".note", "1 of 2")
          yield* press("Escape")
          yield* Effect.promise(() => page.locator(".filter").waitFor({ state: "detached" }))
          yield* press("t")
          assert.strictEqual(
            yield* Effect.promise(() => page.evaluate("document.documentElement.dataset.theme")),
            "dark"
          )
          yield* press("?")
          yield* shows(page, "dialog[open] h2", "Keyboard shortcuts")
          yield* press("Escape")
          yield* Effect.promise(() => page.locator("dialog[open]").waitFor({ state: "detached" }))
          yield* press("1")
          yield* press(" ")
          yield* shows(page, ".live", "paused")
          yield* execute([new Count({ n: 1 }), new Count({ n: 2 })])
          yield* shows(page, ".live", "paused · 2 new")
          assert.match(yield* textOf(page, tile("Done")), /^Done 1 /)
          yield* press(" ")
          yield* shows(page, tile("Done"), "Done3")
          // Tab reaches a row, and Enter opens it.
          yield* Effect.promise(() => page.locator("tr.pick").first().focus())
          yield* press("Enter")
          yield* shows(page, "h2", "Failures by cause")
          assert.deepStrictEqual(problems, [])
        }), 60_000)

      it.effect("asks for the token, which leaves the address bar", () =>
        Effect.gen(function*() {
          const token = "correct-horse-battery-staple"
          const { url } = yield* setting({ token: Redacted.make(token) })
          const { page, problems } = yield* open(url)
          yield* shows(page, ".live", "live")
          assert.notInclude(page.url(), token)
          assert.deepStrictEqual(problems, [])
          const other = yield* open(`${url.split("#")[0]}#wrong-token-of-some-length`, { allowed: /401/ })
          yield* shows(other.page, "form", "The token is wrong")
          // A page that becomes visible does not connect, and keeps the message.
          const requests: Array<string> = []
          other.page.on("request", (request) => requests.push(new URL(request.url()).pathname))
          yield* Effect.promise(() =>
            other.page.evaluate(
              `document.dispatchEvent(new Event("visibilitychange")), fetch("failures/0").then(() => {})`
            )
          )
          assert.deepStrictEqual(requests, ["/failures/0"])
          yield* Effect.promise(() => other.page.fill("input[name=token]", token))
          yield* Effect.promise(() => other.page.keyboard.press("Enter"))
          yield* shows(other.page, ".live", "live")
          assert.deepStrictEqual(other.problems, [])
          // A token that is no URL text, and one for a dashboard that needs none.
          const malformed = yield* open(`${url.split("#")[0]}#%zz`, { allowed: /401/ })
          yield* shows(malformed.page, "form", "The token is wrong")
          const unneeded = yield* open(`${(yield* setting()).url}#${token}`, { allowed: /404/ })
          yield* shows(unneeded.page, ".live", "live")
        }), 60_000)

      it.effect(
        "keeps its state when the program ends or is gone, and goes on when it is back",
        () =>
          Effect.gen(function*() {
            const port = yield* freePort
            const start = Effect.fnUntraced(function*() {
              const scope = yield* Scope.make()
              const { context, url } = yield* Scope.provide(setting({ port }), scope)
              const count = Stream.make(new Count({ n: 1 })).pipe(
                Dispatcher.results(),
                Stream.runDrain,
                Effect.provideContext(context)
              )
              return { count, url, stop: Scope.close(scope, Exit.void) }
            })
            const first = yield* start()
            yield* first.count
            const { page, problems } = yield* open(first.url, { allowed: /ERR_CONNECTION_REFUSED|INCOMPLETE/ })
            yield* shows(page, tile("Done"), "Done1")
            yield* first.stop
            yield* shows(page, ".banner", "Ended at")
            yield* shows(page, tile("Done"), "Done1")
            const second = yield* start()
            yield* shows(page, ".live", "live")
            yield* shows(page, tile("Done"), "Done0")
            yield* Effect.promise(() => page.context().setOffline(true))
            yield* second.stop
            assert.deepStrictEqual(problems, [])
          }),
        60_000
      )

      it.effect("has no fault that axe finds, in both themes and at both widths", () =>
        Effect.gen(function*() {
          const { context, url } = yield* setting()
          yield* Stream.make(attack(-1), attack(-2), new Count({ n: 1 })).pipe(
            Dispatcher.results(),
            Stream.runDrain,
            Effect.provideContext(context)
          )
          for (const colorScheme of ["light", "dark"] as const) {
            for (const width of [1440, 390]) {
              const { page } = yield* open(url, { colorScheme, viewport: { width, height: 844 }, bypassCSP: true })
              yield* shows(page, tile("Done"), "1")
              yield* Effect.promise(() => page.evaluate(axe.source))
              for (const view of Record.keys(HEADINGS)) {
                yield* Effect.promise(() => page.evaluate(`location.hash = "/${view}"`))
                yield* shows(page, "nav a[aria-current=page]", HEADINGS[view])
                const found = yield* Effect.promise(() => page.evaluate(AXE))
                assert.deepStrictEqual(found, [], `${view}, ${colorScheme}, ${width} px`)
                const overflow = yield* Effect.promise(() =>
                  page.evaluate<number>("document.documentElement.scrollWidth - innerWidth")
                )
                assert.isAtMost(overflow, 0, `${view} scrolls sideways at ${width} px`)
              }
            }
          }
        }), 120_000)

      it.effect("is mounted in a router of the program", () =>
        Effect.gen(function*() {
          const port = yield* freePort
          const handlers = Tasks.toLayer({
            "<img src=x onerror=alert(1)>": () => Effect.void,
            Count: ({ n }) => Effect.succeed(n)
          })
          const app = HttpRouter.serve(Dashboard.routes({ path: "/admin/tasks", name: "mounted" }), {
            disableListenLog: true,
            disableLogger: true
          }).pipe(
            Layer.provide(
              NodeHttpServer.layer(() => createServer(), { port, host: "127.0.0.1", gracefulShutdownTimeout: 100 })
            ),
            Layer.provide(FiberDispatcher.layer(Tasks)),
            Layer.provide(handlers)
          )
          yield* Layer.build(app)
          const { page, problems } = yield* open(`http://127.0.0.1:${port}/admin/tasks?theme=dark`)
          yield* shows(page, "h1", "mounted")
          yield* shows(page, ".live", "live")
          assert.strictEqual(new URL(page.url()).pathname, "/admin/tasks/")
          assert.deepStrictEqual(problems, [])
        }), 60_000)

      it.effect("is served by HTTPS, with a cookie that no unencrypted connection gets", () =>
        Effect.gen(function*() {
          const token = "correct-horse-battery-staple"
          const { context, url } = yield* setting({ token: Redacted.make(token), tls: TLS })
          assert.match(url, /^https:\/\/127\.0\.0\.1:\d+\/#/)
          yield* Stream.make(new Count({ n: 1 })).pipe(
            Dispatcher.results(),
            Stream.runDrain,
            Effect.provideContext(context)
          )
          const { page, problems } = yield* open(url, { ignoreHTTPSErrors: true })
          yield* shows(page, tile("Done"), "Done1")
          yield* shows(page, ".live", "live")
          const cookies = yield* Effect.promise(() => page.context().cookies())
          assert.deepStrictEqual(
            cookies.map(({ httpOnly, name, sameSite, secure }) => ({ httpOnly, name, sameSite, secure })),
            [{ httpOnly: true, name: `papyros-${new URL(url).port}`, sameSite: "Strict", secure: true }]
          )
          assert.deepStrictEqual(problems, [])
        }), 60_000)

      it.effect("lets no script add markup or code, or send data elsewhere", () =>
        Effect.gen(function*() {
          const { url } = yield* setting()
          const { page, problems } = yield* open(url, {
            allowed: /^console: (?:policy: |.*(?:Trusted|Content Security Policy))/
          })
          yield* shows(page, ".live", "live")
          const attempts = yield* Effect.promise(() =>
            page.evaluate<ReadonlyArray<boolean>>(`[
              () => document.body.innerHTML = "<b>x</b>",
              () => setTimeout("globalThis.ran = true"),
              () => trustedTypes.createPolicy("own", { createHTML: (text) => text })
            ].map((attempt) => {
              try {
                attempt()
                return true
              } catch {
                return false
              }
            })`)
          )
          assert.deepStrictEqual(attempts, [false, false, false])
          const violated = yield* Effect.promise(() =>
            page.evaluate<string>(`new Promise((resolve) => {
              document.addEventListener("securitypolicyviolation", (event) => resolve(event.violatedDirective))
              fetch("http://127.0.0.1:9/").catch(() => {})
            })`)
          )
          assert.strictEqual(violated, "connect-src")
          assert.deepStrictEqual(problems, [])
        }), 60_000)

      it.effect("says that the main thread is busy, and for how long", () =>
        Effect.gen(function*() {
          const { url } = yield* setting()
          const { page, problems } = yield* open(url)
          yield* shows(page, ".live", "live")
          yield* Effect.promise(() =>
            page.evaluate(`void (globalThis.seen = new Promise((resolve) =>
              new MutationObserver(() => {
                const banner = document.querySelector(".banner.warn")
                if (banner !== null) resolve(banner.textContent)
              }).observe(document.body, { childList: true, subtree: true, characterData: true })))`)
          )
          // No frame can be sent meanwhile.
          Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5000)
          const seen = yield* Effect.promise(() => page.evaluate<string>("globalThis.seen"))
          assert.match(seen, /^No update for \d+ s: the main thread of the program is busy/)
          yield* Effect.promise(() => page.locator(".banner.warn").waitFor({ state: "detached" }))
          assert.deepStrictEqual(problems, [])
        }), 60_000)

      it.effect("has the task stream on keys, and the attempts of a failed task", () =>
        Effect.gen(function*() {
          const { context, url } = yield* setting()
          yield* Stream.make(attack(-1)).pipe(
            Dispatcher.results({ retry: { times: 2 } }),
            Stream.runDrain,
            Effect.provideContext(context)
          )
          const { page, problems } = yield* open(`${url}#/stream`)
          const press = (key: string) => Effect.promise(() => page.keyboard.press(key))
          yield* shows(page, "h2", "Task stream")
          yield* Effect.promise(() => page.locator("#stream").focus())
          yield* press("Enter")
          yield* shows(page, ".selected", "failed")
          yield* press("+")
          yield* press("ArrowLeft")
          yield* shows(page, "button", "Now")
          yield* press("Escape")
          yield* Effect.promise(() => page.locator(".selected").waitFor({ state: "detached" }))
          yield* press("5")
          yield* shows(page, "dd", /1 on .*Failed.*2 on .*Failed.*3 on .*Failed/s)
          assert.deepStrictEqual(problems, [])
        }), 60_000)

      it.effect("keeps a bar selected while its task runs and when it has ended", () =>
        Effect.gen(function*() {
          const { context, latch, url } = yield* setting()
          const run = yield* Stream.make(attack(1)).pipe(
            Dispatcher.results(),
            Stream.runDrain,
            Effect.provideContext(context),
            Effect.forkScoped
          )
          const { page, problems } = yield* open(`${url}#/stream`)
          yield* shows(page, "h2", "Task stream")
          // Tasks are shown as running after a quarter of a second.
          yield* Effect.promise(async () => {
            await page.locator("#stream").press("Enter")
            return page.locator(".selected").isVisible()
          }).pipe(Effect.repeat({ until: (isVisible) => isVisible }))
          const text = Effect.promise(() => page.locator(".selected").innerText())
          const before = yield* text
          assert.include(before, "running for")
          yield* Effect.repeat(text, { until: (now) => now !== before && now.includes("running for") })
          // It is drawn with each update, and not all the time.
          const draws = yield* Effect.promise(() =>
            page.evaluate<number>(`new Promise((resolve) => {
              const { clearRect } = CanvasRenderingContext2D.prototype
              let draws = 0
              let updates = 0
              CanvasRenderingContext2D.prototype.clearRect = function(...area) {
                if (this.canvas.id === "stream") draws++
                clearRect.apply(this, area)
              }
              new MutationObserver(() => {
                if (++updates === 4) resolve(draws)
              }).observe(document.querySelector(".selected"), { childList: true, subtree: true, characterData: true })
            })`)
          )
          assert.isAtMost(draws, 16)
          yield* latch.open
          yield* Fiber.join(run)
          yield* Effect.repeat(text, { until: (now) => !now.includes("running for") })
          assert.match(yield* text, /<img src=x onerror=alert\(1\)>\s+on /)
          assert.deepStrictEqual(problems, [])
        }), 60_000)

      it.effect(
        "is inside a report, which opens from a file without a network and has the figures of its snapshot",
        () =>
          Effect.gen(function*() {
            const { context } = yield* setting()
            const recording = yield* Effect.provideContext(Recording.make({ name: "run" }), context)
            yield* Stream.make(attack(-1), ...Array.from({ length: 41 }, (_, n) => new Count({ n }))).pipe(
              Dispatcher.results(),
              Stream.runDrain,
              Effect.provideContext(context)
            )
            const folder = yield* Effect.acquireRelease(
              Effect.sync(() => mkdtempSync(join(tmpdir(), "papyros-report-"))),
              (folder) => Effect.sync(() => rmSync(folder, { recursive: true }))
            )
            const file = join(folder, "report.html")
            writeFileSync(file, yield* Report.toHtml(recording))
            const snapshot = yield* recording.snapshot
            const { page, problems } = yield* open(pathToFileURL(file).href, { offline: true, acceptDownloads: true })
            yield* shows(page, tile("Result"), "42 tasks")
            yield* shows(page, tile("Result"), "1 failed")
            yield* Effect.promise(() => page.keyboard.press("5"))
            yield* shows(page, "dd", "file-1 is corrupt <b>\\u202e")
            const saved = (name: string) =>
              Effect.promise(async () => {
                const [download] = await Promise.all([
                  page.waitForEvent("download"),
                  page.click(`footer button >> text=${name}`)
                ])
                return JSON.parse(readFileSync(await download.path(), "utf8"))
              })
            const { duration, totals, types } = yield* saved("data as JSON")
            assert.deepStrictEqual({ totals, types }, { totals: snapshot.totals, types: snapshot.types })
            assert.isAtMost(duration, snapshot.duration)
            assert.isArray((yield* saved("trace for Perfetto")).traceEvents)
            assert.deepStrictEqual(problems, [])
          }),
        60_000
      )
    })
)
