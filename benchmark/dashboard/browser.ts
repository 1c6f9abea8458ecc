/**
 * A browser that shows the page, and what its main thread does for it.
 *
 * A frame of the browser can be late by the longest task of the main thread. The times are those of the tasks of the
 * event loop, on the clock and on the CPU: where other processes use all cores, only the latter are of the page.
 */
import * as Effect from "effect/Effect"
import { type Browser, chromium, type Page } from "playwright-core"

export const launch = Effect.acquireRelease(
  Effect.promise(() =>
    chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: ["--no-sandbox"] })
  ),
  (browser) => Effect.promise(() => browser.close())
)

/** Milliseconds from the start of the navigation to the first drawing with data. */
const FIRST_DRAWING = `globalThis.firstDrawing = new Promise((resolve) =>
  new MutationObserver((_, observer) => {
    if (document.querySelector(".tile") === null) return
    observer.disconnect()
    requestAnimationFrame(() => resolve(performance.now()))
  }).observe(document, { childList: true, subtree: true }))`

export const newPage = (browser: Browser) =>
  Effect.promise(async () => {
    const page = await browser.newPage({ viewport: { width: 1440, height: 900 } })
    await page.addInitScript(FIRST_DRAWING)
    const requests: Array<string> = []
    page.on("request", (request) => requests.push(request.url()))
    return { page, requests }
  })

/** Opens an address. Returns the milliseconds to the first drawing. */
export const openPage = (page: Page, url: string) =>
  Effect.promise(async () => {
    await page.goto(url)
    // `waitForFunction` would evaluate text in the page, which its policy forbids.
    return page.evaluate<number>("globalThis.firstDrawing")
  })

interface TraceEvent {
  readonly name: string
  readonly ph: string
  readonly pid: number
  readonly tid: number
  readonly ts: number
  readonly dur?: number
  readonly tdur?: number
  readonly args: { readonly name?: string }
}

/** Milliseconds of a task of the event loop of the page: when it began, and how long it took. */
export interface LoopTask {
  readonly at: number
  readonly wall: number
  readonly cpu: number
}

/** The tasks that the main thread of the page runs during an effect. */
export const loopTasks = <A>(browser: Browser, page: Page, during: Effect.Effect<A>) =>
  Effect.gen(function*() {
    yield* Effect.promise(() => browser.startTracing(page, { categories: ["toplevel", "__metadata"] }))
    yield* during
    const buffer = yield* Effect.promise(() => browser.stopTracing())
    const { traceEvents }: { readonly traceEvents: ReadonlyArray<TraceEvent> } = JSON.parse(buffer.toString())
    const mains = new Map<string, Array<LoopTask>>()
    for (const { args, name, pid, tid } of traceEvents) {
      if (name === "thread_name" && args.name === "CrRendererMain") mains.set(`${pid} ${tid}`, [])
    }
    for (const { dur = 0, name, ph, pid, tdur = 0, tid, ts } of traceEvents) {
      if (ph !== "X" || !name.endsWith("RunTask")) continue
      mains.get(`${pid} ${tid}`)?.push({ at: ts / 1000, wall: dur / 1000, cpu: tdur / 1000 })
    }
    // Browsers keep a process for the next page, which does nothing.
    const busy = (tasks: ReadonlyArray<LoopTask>): number => tasks.reduce((sum, { cpu }) => sum + cpu, 0)
    return [...mains.values()].toSorted((a, b) => busy(b) - busy(a))[0] ?? []
  })

/** Milliseconds of an idle thread, after which a frame can be drawn. */
const IDLE = 1

/** Tasks that follow each other without a pause, as one: no frame can be drawn in between. */
export const burstsOf = (tasks: ReadonlyArray<LoopTask>): ReadonlyArray<LoopTask> => {
  const bursts: Array<LoopTask> = []
  let end = -Infinity
  for (const { at, cpu, wall } of tasks.toSorted((a, b) => a.at - b.at)) {
    const last = bursts.at(-1)
    if (last !== undefined && at - end < IDLE) {
      bursts[bursts.length - 1] = { at: last.at, wall: at + wall - last.at, cpu: last.cpu + cpu }
    } else bursts.push({ at, cpu, wall })
    end = at + wall
  }
  return bursts
}

/** By half second, in which the page gets one update: the tasks, without those that are cut at the ends. */
const byUpdate = (tasks: ReadonlyArray<LoopTask>): ReadonlyArray<ReadonlyArray<LoopTask>> =>
  Array.from(Map.groupBy(tasks, ({ at }) => Math.floor(at / 500)).values()).slice(1, -1)

/** The longest task of each update. */
export const longestByUpdate = (tasks: ReadonlyArray<LoopTask>): ReadonlyArray<LoopTask> =>
  byUpdate(tasks).map((all) => all.reduce((longest, task) => task.cpu > longest.cpu ? task : longest))

/** Percentiles of times on the clock and, in brackets, on the CPU. */
export const percentiles = (tasks: ReadonlyArray<LoopTask>): string => {
  const of = (key: "wall" | "cpu", share: number): string => {
    const sorted = tasks.map((task) => task[key]).toSorted((a, b) => a - b)
    return (sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0).toFixed(1)
  }
  return [["p50", 0.5], ["p95", 0.95], ["p99", 0.99], ["max", 1]]
    .map(([name, share]) => `${name} ${of("wall", Number(share))} (${of("cpu", Number(share))})`)
    .join(", ")
}

/** The heap after a collection, in bytes, and the seconds that script and all tasks of the page have taken. */
export const metricsOf = (page: Page) =>
  Effect.promise(async () => {
    const session = await page.context().newCDPSession(page)
    await session.send("Performance.enable")
    return Effect.promise(async () => {
      await session.send("HeapProfiler.collectGarbage")
      const { metrics } = await session.send("Performance.getMetrics")
      const all = Object.fromEntries(metrics.map(({ name, value }) => [name, value]))
      return { at: all.Timestamp, script: all.ScriptDuration, tasks: all.TaskDuration, heap: all.JSHeapUsedSize }
    })
  })
