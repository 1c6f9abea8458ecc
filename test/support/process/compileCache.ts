/**
 * Lets the threads and processes that tests start use Node's compile cache: they load the same modules again and again.
 *
 * Vitest's configuration loads this file, and each process of Vitest: with coverage, Vitest disables the cache in these,
 * and so in all that they start, where no coverage is measured.
 */
import { fileURLToPath } from "node:url"

delete process.env.NODE_DISABLE_COMPILE_CACHE
process.env.NODE_COMPILE_CACHE ??= fileURLToPath(new URL("../../../node_modules/.cache/compile", import.meta.url))
