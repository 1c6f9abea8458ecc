// Writes the version of package.json into the source. `npm version` runs it.
import { readFileSync, writeFileSync } from "node:fs"

const file = new URL("../src/internal/version.ts", import.meta.url)
const { version } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8"))
writeFileSync(file, readFileSync(file, "utf8").replace(/"[^"]*"$/m, JSON.stringify(version)))
