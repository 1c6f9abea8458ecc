/** A headless Chromium, of Debian or of the variable `CHROMIUM`. Nothing is downloaded. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import { existsSync } from "node:fs"
import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core"

const executablePath = [process.env.CHROMIUM, "/usr/bin/chromium", "/usr/bin/chromium-browser"].find(
  (path) => path !== undefined && existsSync(path)
)

export const isAvailable = executablePath !== undefined

export const MISSING =
  "The tests in a browser are skipped: there is no Chromium. Install Debian's package `chromium`, or " +
  "set CHROMIUM to the path of one."

/** The browser that the tests of a file share. */
export class Chromium extends Context.Service<Chromium, Browser>()("test/Chromium") {
  static readonly layer = Layer.effect(
    Chromium,
    Effect.acquireRelease(
      Effect.promise(() => chromium.launch({ executablePath: executablePath!, args: ["--no-sandbox"] })),
      (browser) => Effect.promise(() => browser.close())
    )
  )
}

/** A page, and everything that a page of ours must not do. */
export interface Opened {
  readonly page: Page
  /** Errors on the console, violations of the policy, and requests to other origins. */
  readonly problems: ReadonlyArray<string>
}

const REPORT_VIOLATIONS = `document.addEventListener("securitypolicyviolation", (event) =>
  console.error("policy: " + event.violatedDirective + " " + event.blockedURI))`

/** Opens a page in a context of its own, without cookies. `allowed`: errors of the console that the test causes. */
export const open = (
  url: string,
  options: BrowserContextOptions & { readonly allowed?: RegExp } = {}
): Effect.Effect<Opened, never, Chromium | Scope.Scope> =>
  Effect.gen(function*() {
    const browser = yield* Chromium
    const { allowed, ...rest } = options
    const context = yield* Effect.acquireRelease(
      Effect.promise(() => browser.newContext({ viewport: { width: 1440, height: 900 }, ...rest })),
      (context) => Effect.promise(() => context.close())
    )
    const problems: Array<string> = []
    const report = (problem: string): void => {
      if (allowed?.test(problem) !== true) problems.push(problem)
    }
    const page = yield* Effect.promise(() => context.newPage())
    page.on("console", (message) => {
      if (message.type() === "error" || message.type() === "warning") report(`console: ${message.text()}`)
    })
    page.on("pageerror", (error) => report(`error: ${error.message}`))
    page.on("request", (request) => {
      const { origin } = new URL(request.url())
      if (origin !== new URL(url).origin && !request.url().startsWith("blob:")) report(`request: ${request.url()}`)
    })
    yield* Effect.promise(() => page.addInitScript(REPORT_VIOLATIONS))
    yield* Effect.promise(() => page.goto(url))
    return { page, problems }
  })
