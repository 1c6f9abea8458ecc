import { assert, it } from "@effect/vitest"
import { readFileSync } from "node:fs"
import { VERSION } from "../../src/internal/version.ts"

it("the version in the source is that of package.json", () => {
  const { version } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8"))
  assert.strictEqual(VERSION, version)
})
