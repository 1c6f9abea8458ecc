/**
 * Makes the pictures of docs/guides/dashboard.md from a real run: the load of `npm run example:dashboard`.
 *
 *     node --conditions=papyros-source scripts/screenshots.ts [FOLDER]
 *
 * With a folder, it writes every view and state into it too, in both themes and at both widths.
 */
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { mkdirSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath, pathToFileURL } from "node:url"
import * as Dashboard from "papyros/Dashboard"
import * as Report from "papyros/Report"
import * as WorkerPoolDispatcher from "papyros/WorkerPoolDispatcher"
import type { Page } from "playwright-core"
import { load } from "../examples/dashboard/load.ts"
import { Tasks } from "../examples/dashboard/tasks.ts"
import { Chromium, isAvailable, MISSING, open } from "../test/support/browser/chromium.ts"

const THREADS = 2
const WIDTHS = { desk: { width: 1440, height: 900 }, phone: { width: 390, height: 844 } } as const
const VIEWS = ["overview", "stream", "tasks", "workers", "failures"] as const

type Theme = "light" | "dark"
type Width = keyof typeof WIDTHS

const folder = process.argv[2]

const docs = (name: string): string => fileURLToPath(new URL(`../docs/guides/${name}.png`, import.meta.url))

/** A picture that only the folder gets. */
const shootAlso = (page: Page, name: string) =>
  folder === undefined ? Effect.void : shoot(page, join(folder, `${name}.png`))

const shoot = (page: Page, path: string) =>
  Effect.promise(async () => {
    // The page has drawn the latest frame.
    await page.waitForTimeout(700)
    await page.screenshot({ path, fullPage: true })
  })

const press = (page: Page, key: string) => Effect.promise(() => page.keyboard.press(key))

const opened = (url: string, theme: Theme, width: Width) =>
  Effect.map(open(url, { colorScheme: theme, viewport: WIDTHS[width] }), ({ page }) => page)

/** The connection of the page is lost. A browser without a network keeps the connections that it has. */
const lose = (page: Page) =>
  Effect.promise(async () => {
    await page.addInitScript(`globalThis.EventSource = class extends EventSource {
      constructor(url) {
        super(url)
        globalThis.source = this
      }
    }`)
    await page.reload()
    await page.locator(".tile").first().waitFor()
    await page.context().setOffline(true)
    await page.evaluate("source.onerror()")
    await page.locator(".banner.bad").waitFor()
  })

/** The views in one theme and width, and the page of the overview. */
const shootViews = Effect.fnUntraced(function*(url: string, theme: Theme, width: Width) {
  const page = yield* opened(url, theme, width)
  for (const [i, view] of VIEWS.entries()) {
    yield* press(page, String(i + 1))
    yield* shootAlso(page, `${view}-${theme}-${width}`)
  }
  yield* press(page, "1")
  return page
})

const dashboard = Dashboard.layer({ port: 0, name: "thumbnails" }).pipe(
  Layer.provideMerge(
    WorkerPoolDispatcher.layer(Tasks, {
      handlers: new URL("../examples/dashboard/handlers.ts", import.meta.url),
      size: THREADS
    })
  )
)

const program = Effect.gen(function*() {
  if (folder !== undefined) mkdirSync(folder, { recursive: true })
  const report = join(tmpdir(), `papyros-report-${process.pid}.html`)
  const scope = yield* Scope.make()
  const context = yield* Scope.provide(Layer.build(dashboard), scope)
  const { url } = Context.get(context, Dashboard.Dashboard)
  const withToken = Dashboard.layer({ port: 0, token: Redacted.make("of-screenshots-and-nothing-else") })
  const guarded = Context.get(
    yield* Layer.build(withToken).pipe(Effect.provideContext(context), Scope.provide(scope)),
    Dashboard.Dashboard
  ).url
  yield* shootAlso(yield* opened(url, "light", "desk"), "overview-light-desk-no-tasks")

  // It has a lost thread, a long task, a pause of the source, and failures.
  const running = yield* load(75, THREADS).pipe(
    Report.track(report, { name: "thumbnails" }),
    Stream.runDrain,
    Effect.provideContext(context),
    Effect.forkScoped
  )
  yield* Effect.sleep("60 seconds")
  const page = yield* opened(url, "light", "desk")
  yield* shoot(page, docs("dashboard-light"))
  yield* press(page, "5")
  yield* shoot(page, docs("dashboard-failures"))
  const pages: Array<readonly [string, Page]> = []
  if (folder !== undefined) {
    for (const theme of ["light", "dark"] as const) {
      for (const width of ["desk", "phone"] as const) {
        const page = yield* shootViews(url, theme, width)
        yield* press(page, " ")
        yield* shootAlso(page, `overview-${theme}-${width}-paused`)
        yield* press(page, " ")
        yield* lose(page)
        yield* shootAlso(page, `overview-${theme}-${width}-lost`)
        yield* Effect.promise(() => page.context().setOffline(false))
        yield* press(page, "?")
        yield* shootAlso(page, `keys-${theme}-${width}`)
        yield* press(page, "Escape")
        // Without the token, in the fragment.
        yield* shootAlso(yield* opened(new URL("/", guarded).href, theme, width), `token-${theme}-${width}`)
        pages.push([`${theme}-${width}`, page])
      }
    }
  }
  yield* Fiber.join(running)
  yield* Scope.close(scope, Exit.void)
  for (const [name, page] of pages) yield* shootAlso(page, `overview-${name}-ended`)

  for (const theme of ["light", "dark"] as const) {
    const page = yield* opened(pathToFileURL(report).href, theme, "desk")
    if (theme === "dark") yield* shoot(page, docs("report-dark"))
    yield* shootAlso(page, `report-${theme}-desk`)
  }
})

if (!isAvailable) throw new Error(MISSING)

await program.pipe(
  Effect.scoped,
  Effect.provide(Chromium.layer),
  Effect.provide(NodeServices.layer),
  Effect.runPromise
)
