import { assert, describe, it } from "@effect/vitest"
import { execFileSync, spawnSync } from "node:child_process"
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { stripTypeScriptTypes } from "node:module"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { nodeProblem } from "../../src/cli/nodeVersion.ts"

const manifest: { readonly engines: { readonly node: string } } = JSON.parse(readFileSync("package.json", "utf8"))
const [, major, minor, patch] = /^>=(\d+)\.(\d+)\.(\d+)$/.exec(manifest.engines.node)!.map(Number)

/** Without the bundle of the tests, which an old Node cannot load. */
const env = { ...process.env, NODE_OPTIONS: "" }

/** An executable Node below the bound of package.json, if this machine has one. */
const oldNode = (process.env.PATH ?? "").split(":").map((folder) => join(folder, "node")).find((node) => {
  try {
    const version = execFileSync(node, ["-p", "process.versions.node"], { encoding: "utf8", env })
    const [ofMajor, ofMinor] = version.split(".").map(Number)
    return ofMajor >= 18 && (ofMajor < major || (ofMajor === major && ofMinor < minor))
  } catch {
    return false
  }
})

describe("the version of Node", () => {
  it("is refused below the bound of package.json, with both versions", () => {
    assert.strictEqual(nodeProblem("20.20.2"), `papyros needs Node ${major}.${minor} or later, this is 20.20`)
    assert.strictEqual(nodeProblem("9.99.99"), `papyros needs Node ${major}.${minor} or later, this is 9.99`)
    for (const old of [`${major - 1}.${minor + 1}.0`, `${major}.${minor - 1}.9`, "0.12.0", "18.0.0-nightly"]) {
      assert.isDefined(nodeProblem(old), old)
    }
  })

  it("is accepted from the bound on", () => {
    assert.isUndefined(nodeProblem(process.versions.node))
    const accepted = [
      `${major}.${minor}.${patch}`,
      `${major}.${minor}.${patch + 1}`,
      `${major}.${minor + 1}.0`,
      `${major + 1}.0.0`,
      "100.0.0"
    ]
    for (const version of accepted) assert.isUndefined(nodeProblem(version), version)
  })

  it.skipIf(oldNode === undefined)("ends the command with code 2 and one line on an old Node", () => {
    const root = mkdtempSync(join(tmpdir(), "papyros-old-node-"))
    try {
      // The files that an old Node loads, compiled as `npm run build` does it. Its imports must end there.
      mkdirSync(join(root, "dist/cli"), { recursive: true })
      copyFileSync("package.json", join(root, "package.json"))
      for (const file of ["bin", "cli/nodeVersion"]) {
        const source = stripTypeScriptTypes(readFileSync(`src/${file}.ts`, "utf8"))
        writeFileSync(join(root, `dist/${file}.js`), source.replace(/\.ts"/g, ".js\""))
      }
      const { status, stderr, stdout } = spawnSync(oldNode!, [join(root, "dist/bin.js"), "--version"], {
        encoding: "utf8",
        env
      })
      assert.match(stderr, /^papyros needs Node \d+\.\d+ or later, this is \d+\.\d+\n$/)
      assert.deepStrictEqual([status, stdout], [2, ""])
    } finally {
      rmSync(root, { recursive: true })
    }
  })
})
