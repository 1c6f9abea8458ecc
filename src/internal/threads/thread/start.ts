/**
 * The first module of a worker thread. Node's compile cache must be enabled before the modules that it is for are
 * loaded, so the entry is loaded from here. `NODE_DISABLE_COMPILE_CACHE=1` disables the cache, and where it cannot be
 * written, threads start without it.
 */
import { enableCompileCache } from "node:module"

enableCompileCache()
await import("./entry.ts")
