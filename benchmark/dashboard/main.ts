/**
 * The cost of the dashboard: for the program, by the number of viewers, and for the browser of one viewer.
 *
 *     node --conditions=papyros-source benchmark/dashboard/main.ts [SECONDS] [server] [browser] [report]
 *
 * The load is 10,000 tasks a second on 64 workers, which wait and use no CPU. SECONDS is the length of each part, 300 for
 * the browser by default. Without the name of a part, all are measured. It needs Chromium at /usr/bin/chromium, or where the variable CHROMIUM says.
 */
import * as Console from "effect/Console"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { spawn } from "node:child_process"
import { once } from "node:events"
import { writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { pathToFileURL } from "node:url"
import * as Dashboard from "papyros/Dashboard"
import * as Dispatcher from "papyros/Dispatcher"
import * as Recording from "papyros/Recording"
import * as Report from "papyros/Report"
import * as Testing from "papyros/testing"
import * as Browser from "./browser.ts"
import * as Load from "./load.ts"

const seconds = Number(process.argv[2] ?? 300)
const parts = new Set(process.argv.slice(3))
const isChosen = (part: string): boolean => parts.size === 0 || parts.has(part)

/** The share of a core that this process uses for a while. */
const coreShare = (length: number) =>
  Effect.gen(function*() {
    yield* Effect.sleep(2000)
    const before = process.cpuUsage()
    const from = performance.now()
    yield* Effect.sleep(1000 * length)
    const { system, user } = process.cpuUsage(before)
    return (user + system) / 1000 / (performance.now() - from)
  })

const percent = (share: number): string => `${(100 * share).toFixed(1)} %`

/** Viewers in a process of their own, so that their cost is not that of the program. */
const VIEWERS = `const [url, count] = process.argv.slice(1)
let open = 0
for (let n = 0; n < Number(count); n++) {
  require("node:http").get(url + "events", { agent: false }, (response) => {
    response.resume()
    if (++open === Number(count)) console.log("open")
  })
}`

const view = (url: string, count: number) =>
  Effect.acquireRelease(
    Effect.promise(async () => {
      const child = spawn(process.execPath, ["-e", VIEWERS, url, String(count)], {
        stdio: ["ignore", "pipe", "inherit"]
      })
      await once(child.stdout, "data")
      return child
    }),
    (child) => Effect.sync(() => child.kill())
  )

const browserPart = Effect.fnUntraced(function*(url: string) {
  const browser = yield* Browser.launch
  const { page } = yield* Browser.newPage(browser)
  let firstDrawing = 0
  const first = yield* Browser.loopTasks(
    browser,
    page,
    Effect.gen(function*() {
      firstDrawing = yield* Browser.openPage(page, url)
      yield* Effect.sleep(1000)
    })
  )
  yield* Console.log(`first drawing ${firstDrawing.toFixed(0)} ms after the start of the navigation`)
  yield* Console.log(
    `tasks of the page's event loop, in ms (of CPU): longest until then ${
      Browser.percentiles(first.toSorted((a, b) => b.cpu - a.cpu).slice(0, 1)).split(", ")[0].slice(4)
    }`
  )
  const metrics = yield* Browser.metricsOf(page)
  yield* Effect.sleep(5000)
  let before = yield* metrics
  const rounds = 5
  for (let round = 1; round <= rounds; round++) {
    const length = seconds / rounds
    const traced = Math.min(length, 30)
    yield* Effect.sleep(1000 * (length - traced))
    const tasks = yield* Browser.loopTasks(browser, page, Effect.sleep(1000 * traced))
    const after = yield* metrics
    const elapsed = after.at - before.at
    yield* Console.log(
      `after ${(round * length).toFixed(0)} s: script ${
        percent((after.script - before.script) / elapsed)
      } of a core, ` +
        `all of the page ${percent((after.tasks - before.tasks) / elapsed)}, heap ${(after.heap / 1e6).toFixed(1)} MB`
    )
    yield* Console.log(`  longest task of each update: ${Browser.percentiles(Browser.longestByUpdate(tasks))}`)
    yield* Console.log(
      `  longest tasks of each update without a pause: ${
        Browser.percentiles(Browser.longestByUpdate(Browser.burstsOf(tasks)))
      }`
    )
    before = after
  }
})

const live = Effect.gen(function*() {
  const context = yield* Layer.build(Load.waiting)
  const run = yield* Effect.provideContext(Load.run, context)
  const length = Math.min(seconds, 20)

  if (isChosen("server")) yield* Console.log(`not recorded: ${percent(yield* coreShare(length))} of a core`)
  const scope = yield* Scope.make()
  const dashboard = yield* Layer.build(Dashboard.layer({ port: 0, name: "load" })).pipe(
    Effect.provideContext(context),
    Scope.provide(scope)
  )
  const { url } = Context.get(dashboard, Dashboard.Dashboard)
  if (isChosen("server")) {
    yield* Console.log(`recorded, without a viewer: ${percent(yield* coreShare(length))}`)
    for (const viewers of [1, 32]) {
      const share = yield* Effect.scoped(Effect.andThen(view(url, viewers), coreShare(length)))
      yield* Console.log(`with ${viewers} viewer${viewers === 1 ? "" : "s"}: ${percent(share)}`)
    }
  }
  if (isChosen("browser")) {
    const started = run.started()
    const from = performance.now()
    yield* browserPart(url)
    yield* Console.log(
      `${((run.started() - started) / (performance.now() - from) * 1000).toFixed(0)} tasks a second`
    )
  }
  yield* Scope.close(scope, Exit.void)
})

/** A report of ten million tasks. */
const report = Effect.gen(function*() {
  const file = join(tmpdir(), "papyros-report.html")
  const context = yield* Layer.build(Testing.noop(Load.Tasks, { workers: 8, when: "microtask" }))
  const html = yield* Effect.scoped(Effect.gen(function*() {
    const recording = yield* Recording.make({ name: "report" })
    yield* Stream.range(1, 10_000_000).pipe(
      Stream.map((n) => new Load.Hash({ n })),
      Dispatcher.execute(),
      Stream.runDrain
    )
    return yield* Report.toHtml(recording)
  })).pipe(Effect.provideContext(context))
  writeFileSync(file, html)
  const { page, requests } = yield* Browser.newPage(yield* Browser.launch)
  const firstDrawing = yield* Browser.openPage(page, pathToFileURL(file).href)
  yield* Console.log(
    `report of 10,000,000 tasks: ${(html.length / 1000).toFixed(0)} kB, drawn after ${firstDrawing.toFixed(0)} ms, ` +
      `${requests.length - 1} requests`
  )
})

if (isChosen("server") || isChosen("browser")) await Effect.runPromise(Effect.scoped(live))
if (isChosen("report")) await Effect.runPromise(Effect.scoped(report))
