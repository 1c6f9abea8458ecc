/**
 * The same handlers in a module that cannot be relied on. Its URL says how: with
 * `flag` it cannot be loaded while that file exists, with `life` its threads end by
 * themselves after so many milliseconds.
 */
import { existsSync } from "node:fs"

const { searchParams } = new URL(import.meta.url)
const flag = searchParams.get("flag")
const life = searchParams.get("life")

if (flag !== null && existsSync(flag)) throw new Error("not now")
if (life !== null) setTimeout(() => process.exit(1), Number(life))

export { default } from "./handlers.ts"
