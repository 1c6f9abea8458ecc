/**
 * The handlers in a module that fails, as the parameters of its URL say.
 *
 * `flag` is the path of a file: while it exists, the module cannot be loaded. `life` is a number of milliseconds,
 * after which a thread that has loaded the module exits.
 */
import { existsSync } from "node:fs"

const { searchParams } = new URL(import.meta.url)
const flag = searchParams.get("flag")
const life = searchParams.get("life")

if (flag !== null && existsSync(flag)) throw new Error("not now")
if (life !== null) setTimeout(() => process.exit(1), Number(life))

export { default } from "./handlers.ts"
