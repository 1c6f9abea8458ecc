/** Loads a page in headless Chromium, from a server of this process. */
import { existsSync, readFileSync, statSync } from "node:fs"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { extname, join } from "node:path"
import { chromium } from "playwright-core"
import { CHROMIUM } from "./project.ts"

const TYPES: Readonly<Record<string, string>> = { ".html": "text/html", ".js": "text/javascript" }

const ISOLATED = { "cross-origin-opener-policy": "same-origin", "cross-origin-embedder-policy": "require-corp" }

export interface PageOptions {
  /** Memory can be shared with Web Workers. */
  readonly isolated: boolean
  /** No script but those of the server may run, and no `eval`. */
  readonly strict?: boolean
}

const serve = (folder: string, { isolated, strict }: PageOptions) =>
  createServer((request, response) => {
    const path = join(folder, decodeURIComponent(new URL(request.url!, "http://page").pathname))
    const headers = {
      ...(isolated ? ISOLATED : {}),
      ...(strict === true ? { "content-security-policy": "script-src 'self'; worker-src 'self'" } : {}),
      "content-type": TYPES[extname(path)] ?? "application/octet-stream"
    }
    if (path.endsWith("index.html") && !existsSync(path)) {
      const script = new URL(request.url!, "http://page").searchParams.get("script")
      response.writeHead(200, headers).end(`<!doctype html><script type="module" src="${script}"></script>`)
    } else if (existsSync(path) && statSync(path).isFile()) {
      response.writeHead(200, headers).end(readFileSync(path))
    } else {
      response.writeHead(404).end()
    }
  })

/** The lines that a page prints, up to `OK` or `FAILED`. */
export const loadUrl = async (url: string, seconds = 60): Promise<ReadonlyArray<string>> => {
  const browser = await chromium.launch({ executablePath: CHROMIUM, args: ["--no-sandbox"] })
  const lines: Array<string> = []
  let timer: ReturnType<typeof setTimeout> | undefined
  try {
    const page = await browser.newPage()
    const ended = new Promise<void>((resolve, reject) => {
      page.on("console", (message) => {
        lines.push(message.text())
        if (/^(?:OK|FAILED)/.test(message.text())) resolve()
      })
      page.on("pageerror", reject)
      timer = setTimeout(() => reject(new Error(`no end within ${seconds} s:\n${lines.join("\n")}`)), seconds * 1000)
    })
    await page.goto(url)
    await ended
    return lines
  } finally {
    clearTimeout(timer)
    await browser.close()
  }
}

/** The same of a script in a folder. A folder with an `index.html` needs no script. */
export const load = async (
  folder: string,
  script: string,
  options: PageOptions,
  seconds?: number
): Promise<ReadonlyArray<string>> => {
  const server = serve(folder, options)
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  try {
    const { port } = server.address() as AddressInfo
    return await loadUrl(`http://127.0.0.1:${port}/index.html?script=${script}`, seconds)
  } finally {
    server.close()
  }
}
