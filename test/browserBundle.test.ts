/** Bundles for browsers: no module of Node may be reachable. */
import { assert, describe, it } from "@effect/vitest"
import { fileURLToPath } from "node:url"
import { build } from "rolldown"

const src = (path: string) => fileURLToPath(new URL(`../src/${path}`, import.meta.url))

const outputOf = async (input: string, platform: "browser" | "node") => {
  const { output } = await build({
    input,
    platform,
    resolve: { conditionNames: ["papyros-source", platform, "import", "default"] },
    logLevel: "silent",
    write: false
  })
  return output.filter((file) => file.type === "chunk")
}

const bundle = async (input: string, platform: "browser" | "node") =>
  (await outputOf(input, platform)).flatMap((file) => [...file.imports, ...file.dynamicImports])

const modules = [
  "index.ts",
  "Thread.ts",
  "layers/DummyDispatcher.ts",
  "layers/FiberDispatcher.ts",
  "layers/WorkerPoolDispatcher.ts",
  "testing/check.ts"
]

describe("a bundle for browsers", () => {
  it.each(modules)("of %s imports nothing", async (module) => {
    assert.deepStrictEqual(await bundle(src(module), "browser"), [])
  })

  it("would import modules of Node in one for Node", async () => {
    assert.include(await bundle(src("index.ts"), "node"), "node:worker_threads")
  })

  it("does not use the Buffer of Node", async () => {
    const [{ code }] = await outputOf(src("index.ts"), "browser")
    assert.notMatch(code, /\bBuffer[.(]/)
  })
})
