/** Runs the scripts of the bundle, with V8's code cache if there is one: of processes, or of their threads. */
import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { Script } from "node:vm"
import { isMainThread } from "node:worker_threads"

/** Set where `warmUp.ts` runs, which makes the code cache. */
const makesCache = process.env.PAPYROS_TEST_CODE_CACHE !== undefined

const scripts = new Map<string, Script>()

/** Writes the functions that have been compiled in this thread. */
const writeCaches = (): void => {
  for (const [path, script] of scripts) {
    // Another process may be about to read it.
    writeFileSync(`${path}-${process.pid}`, script.createCachedData())
    renameSync(`${path}-${process.pid}`, path)
  }
}

if (makesCache) Object.assign(globalThis, { [Symbol.for("papyros/test/writeCaches")]: writeCaches })

export const loadScript = (url: URL) => {
  const path = fileURLToPath(url)
  const cache = `${path}.${isMainThread ? "process" : "thread"}.cache`
  const script = new Script(readFileSync(path, "latin1"), {
    filename: url.href,
    cachedData: !makesCache && existsSync(cache) ? readFileSync(cache) : undefined
  })
  if (makesCache) scripts.set(cache, script)
  return script.runInThisContext()
}
