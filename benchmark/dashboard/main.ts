/**
 * The cost of the dashboard: for the program, by the number of viewers, and for the browser of one viewer.
 *
 *     node --conditions=papyros-source benchmark/dashboard/main.ts [SECONDS]
 *
 * The load is 10,000 tasks a second on 64 workers, which wait and use no CPU. SECONDS is the length of each part, 300 for
 * the browser by default. It needs Chromium at /usr/bin/chromium, or where the variable CHROMIUM says.
 */
import * as Console from "effect/Console"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
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
import * as Executor from "papyros/Executor"
import * as Recording from "papyros/Recording"
import * as Report from "papyros/Report"
import * as Task from "papyros/Task"
import * as TaskGroup from "papyros/TaskGroup"
import * as Testing from "papyros/testing"
import { type Browser, chromium } from "playwright-core"

const WORKERS = 64
const TASKS_PER_SECOND = 10_000
const CHUNK = 16
const seconds = Number(process.argv[2] ?? 300)

const payload = { n: Schema.Int }
class Resize extends Task.Class<Resize>()("Resize", { payload }) {}
class Decode extends Task.Class<Decode>()("Decode", { payload }) {}
class Hash extends Task.Class<Hash>()("Hash", { payload }) {}
class Probe extends Task.Class<Probe>()("Probe", { payload }) {}
const Tasks = TaskGroup.make(Resize, Decode, Hash, Probe)
const types = [Resize, Decode, Hash, Probe]

/** Waits with each chunk as long as the rate says; one task of a hundred fails. */
class WaitingWorker implements Executor.WorkerHandle {
  readonly name: string
  readonly concurrency = 1
  readonly window = CHUNK
  private readonly scheduler: Executor.Scheduler
  private isBusy = false

  constructor(name: string, scheduler: Executor.Scheduler) {
    this.name = name
    this.scheduler = scheduler
  }

  wake(): void {
    if (this.isBusy) return
    const chunk = this.scheduler.take(this, CHUNK)
    if (chunk === undefined) return
    this.isBusy = true
    const millis = 1000 * chunk.items.length * WORKERS / TASKS_PER_SECOND
    setTimeout(() => {
      this.scheduler.recordBusy(chunk.items, millis * 900)
      chunk.items.forEach((item, at) => {
        if ((item.payload as { n: number }).n % 100 === 0) {
          this.scheduler.fail(chunk, at, { _tag: "Defect", defect: new Error("on purpose"), trace: "" })
        } else this.scheduler.succeed(chunk, at, undefined)
      })
      this.isBusy = false
      this.wake()
    }, millis)
  }

  cancel(chunk: Executor.Chunk, at: number): void {
    this.scheduler.requeue(chunk, at, at + 1)
  }
}

const waiting = Executor.layer(Tasks, {
  name: "waiting",
  boundary: "none",
  maxChunk: CHUNK,
  open: (scheduler) =>
    Effect.sync(() => {
      for (let n = 1; n <= WORKERS; n++) scheduler.join(new WaitingWorker(`worker-${n}`, scheduler))
    })
})

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

const launch = Effect.acquireRelease(
  Effect.promise(() =>
    chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: ["--no-sandbox"] })
  ),
  (browser) => Effect.promise(() => browser.close())
)

/** Milliseconds from the start of the navigation to the first drawing with data. */
const FIRST_DRAWING = `new MutationObserver((_, observer) => {
  if (document.querySelector(".tile") === null) return
  observer.disconnect()
  requestAnimationFrame(() => { globalThis.firstDrawing = performance.now() })
}).observe(document, { childList: true, subtree: true })
globalThis.longest = 0
new PerformanceObserver((list) => {
  for (const { duration } of list.getEntries()) globalThis.longest = Math.max(globalThis.longest, duration)
}).observe({ type: "long-animation-frame", buffered: true })`

const openPage = (browser: Browser, url: string) =>
  Effect.promise(async () => {
    const page = await browser.newPage({ viewport: { width: 1440, height: 900 } })
    await page.addInitScript(FIRST_DRAWING)
    const requests: Array<string> = []
    page.on("request", (request) => requests.push(request.url()))
    await page.goto(url)
    await page.waitForFunction("globalThis.firstDrawing !== undefined")
    return { page, requests, firstDrawing: await page.evaluate<number>("globalThis.firstDrawing") }
  })

const browserPart = Effect.fnUntraced(function*(url: string) {
  const browser = yield* launch
  const { firstDrawing, page } = yield* openPage(browser, url)
  yield* Console.log(`first drawing ${firstDrawing.toFixed(0)} ms after the start of the navigation`)
  const session = yield* Effect.promise(() => page.context().newCDPSession(page))
  yield* Effect.promise(() => session.send("Performance.enable"))
  const metrics = Effect.promise(async () => {
    await session.send("HeapProfiler.collectGarbage")
    const { metrics } = await session.send("Performance.getMetrics")
    return Object.fromEntries(metrics.map(({ name, value }) => [name, value]))
  })
  yield* Effect.sleep(5000)
  let before = yield* metrics
  const parts = 5
  for (let part = 1; part <= parts; part++) {
    yield* Effect.sleep(1000 * seconds / parts)
    const after = yield* metrics
    const elapsed = after.Timestamp - before.Timestamp
    yield* Console.log(
      `after ${(part * seconds / parts).toFixed(0)} s: script ${
        percent((after.ScriptDuration - before.ScriptDuration) / elapsed)
      } of a core, ` +
        `all of the page ${percent((after.TaskDuration - before.TaskDuration) / elapsed)}, heap ${
          (after.JSHeapUsedSize / 1e6).toFixed(1)
        } MB`
    )
    before = after
  }
  const longest = yield* Effect.promise(() => page.evaluate<number>("globalThis.longest"))
  yield* Console.log(`longest frame ${longest === 0 ? "below 50 ms" : `${longest.toFixed(0)} ms`}`)
})

const live = Effect.gen(function*() {
  const context = yield* Layer.build(waiting)
  let n = 0
  yield* Stream.fromIterable(function*() {
    for (;; n++) yield new types[n % types.length]({ n })
  }()).pipe(Dispatcher.results(), Stream.runDrain, Effect.provideContext(context), Effect.forkScoped)
  const length = Math.min(seconds, 20)

  yield* Console.log(`not recorded: ${percent(yield* coreShare(length))} of a core`)
  const scope = yield* Scope.make()
  const dashboard = yield* Layer.build(Dashboard.layer({ port: 0, name: "load" })).pipe(
    Effect.provideContext(context),
    Scope.provide(scope)
  )
  const { url } = Context.get(dashboard, Dashboard.Dashboard)
  yield* Console.log(`recorded, without a viewer: ${percent(yield* coreShare(length))}`)
  for (const viewers of [1, 32]) {
    const share = yield* Effect.scoped(Effect.andThen(view(url, viewers), coreShare(length)))
    yield* Console.log(`with ${viewers} viewer${viewers === 1 ? "" : "s"}: ${percent(share)}`)
  }
  const started = n
  yield* browserPart(url)
  yield* Console.log(`${((n - started) / (seconds + 5)).toFixed(0)} tasks a second`)
  yield* Scope.close(scope, Exit.void)
})

/** A report of ten million tasks. */
const report = Effect.gen(function*() {
  const file = join(tmpdir(), "papyros-report.html")
  const context = yield* Layer.build(Testing.noop(Tasks, { workers: 8, when: "microtask" }))
  const html = yield* Effect.scoped(Effect.gen(function*() {
    const recording = yield* Recording.make({ name: "report" })
    yield* Stream.range(1, 10_000_000).pipe(
      Stream.map((n) => new Hash({ n })),
      Dispatcher.execute(),
      Stream.runDrain
    )
    return yield* Report.toHtml(recording)
  })).pipe(Effect.provideContext(context))
  writeFileSync(file, html)
  const { firstDrawing, requests } = yield* openPage(yield* launch, pathToFileURL(file).href)
  yield* Console.log(
    `report of 10,000,000 tasks: ${(html.length / 1000).toFixed(0)} kB, drawn after ${firstDrawing.toFixed(0)} ms, ` +
      `${requests.length - 1} requests`
  )
})

await Effect.runPromise(Effect.scoped(Effect.andThen(live, report)))
