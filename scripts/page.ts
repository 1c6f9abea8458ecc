/**
 * Bundles `page/` into one script and one style. As a program, it writes them to `dist/page.js`; as a module, which the
 * import `#page` is in a clone, it gives them.
 */
import { readFileSync, writeFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { rolldown } from "rolldown"

const path = (relative: string): string => fileURLToPath(new URL(`../${relative}`, import.meta.url))

const bundle = async (): Promise<string> => {
  const build = await rolldown({
    input: path("page/main.tsx"),
    platform: "browser",
    tsconfig: path("page/tsconfig.json"),
    // Calls of `h` are shorter than those that the automatic runtime makes.
    transform: {
      jsx: { runtime: "classic", pragma: "h", pragmaFrag: "Fragment" },
      inject: { h: ["preact", "h"], Fragment: ["preact", "Fragment"] }
    },
    onLog: (level, log) => {
      if (level === "warn") throw new Error(log.message)
    }
  })
  const { output } = await build.generate({ format: "iife", minify: true, comments: false })
  await build.close()
  if (output.length !== 1) throw new Error("The page must be one script")
  return output[0].code.trim()
}

/** Without comments, and without the white space that has no meaning in our style. */
const compact = (css: string): string =>
  css.replace(/\/\*.*?\*\//gs, "").replace(/\s+/g, " ").replace(/ ?([{};,]) ?/g, "$1").replaceAll(";}", "}").trim()

export const script = await bundle()
export const style = compact(readFileSync(path("page/style.css"), "utf8"))

// Either would end its element.
if (/<\/(?:script|style)|<!--/i.test(script + style)) throw new Error("The script or the style would end its element")

if (import.meta.main) {
  const module = `export const script = ${JSON.stringify(script)}\nexport const style = ${JSON.stringify(style)}\n`
  writeFileSync(path("dist/page.js"), module)
}
