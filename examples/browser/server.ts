/** Builds the page and its thread module, and serves them. */
import * as Effect from "effect/Effect"
import { readFileSync } from "node:fs"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { fileURLToPath } from "node:url"
import { build } from "rolldown"

const path = (name: string) => fileURLToPath(new URL(name, import.meta.url))

/** The files of the page, by name. */
const files = Effect.promise(async () => {
  const { output } = await build({
    input: { page: path("./page.ts"), thread: path("./thread.ts") },
    platform: "browser",
    // Outside of this repository, `papyros` is a package, and needs no condition.
    resolve: { conditionNames: ["papyros-source", "browser", "import", "default"] },
    output: { minify: true, entryFileNames: "[name].js" },
    write: false
  })
  return new Map([
    ["page.html", readFileSync(path("./page.html"), "utf8")],
    ...output.flatMap((file) => file.type === "chunk" ? [[file.fileName, file.code] as const] : [])
  ])
})

/** Serves the page to this host as long as the scope is open; returns its URL. `isolated`: threads share memory with it. */
export const serve = Effect.fnUntraced(function*(port: number, isolated: boolean) {
  const contents = yield* files
  const headers = isolated
    ? { "cross-origin-opener-policy": "same-origin", "cross-origin-embedder-policy": "require-corp" }
    : {}
  const server = createServer((request, response) => {
    const name = new URL(request.url!, "http://page").pathname.slice(1) || "page.html"
    const content = contents.get(name)
    const type = name.endsWith(".js") ? "text/javascript" : "text/html"
    response.writeHead(content === undefined ? 404 : 200, { ...headers, "content-type": type }).end(content)
  })
  yield* Effect.acquireRelease(
    Effect.callback<void>((resume) => {
      server.listen(port, "127.0.0.1", () => resume(Effect.void))
    }),
    () =>
      Effect.callback<void>((resume) => {
        server.close(() => resume(Effect.void))
        server.closeAllConnections()
      })
  )
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
})
