/**
 * Makes scripts of the chunks of the bundle. `loadScript.ts` runs a script with V8's code cache of a process that has run
 * before: it has the functions that such a process calls. Node's compile cache has none of them, as it is made before a
 * module runs, so each process compiled them anew, in a fifth of its CPU time.
 *
 * A chunk exports one object with all that it exported. With thousands of exports, V8 searched them for each variable of
 * each function that it compiled.
 *
 * Must stay true: the statements `import` and `export` of rolldown are one line each. An exported binding that is assigned
 * later, one of `let`, is one of a module that others cannot import, and has the value from the start.
 */
import { posix } from "node:path"

interface Name {
  /** The name in the module that the statement refers to. */
  readonly from: string
  readonly to: string
}

const parse = (names: string): ReadonlyArray<Name> =>
  names.split(", ").filter((name) => name !== "").map((name) => {
    const [from, to = from] = name.split(" as ")
    return { from, to }
  })

/** The local names of the clause of an import: `{ a, b as c }`, `* as d` or `e`. */
const localsOf = (clause: string): ReadonlyArray<string> => {
  const named = /^\{ (.*) \}$/.exec(clause)
  return named === null ? [clause.replace("* as ", "")] : parse(named[1]).map(({ to }) => to)
}

/** Source of ASCII, which V8 keeps in one byte for each character and need not decode. */
const ascii = (code: string): string =>
  code.replace(/[\u0080-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`)

/** A module that runs the script of a chunk, and the script. */
const split = (path: string, code: string): ReadonlyArray<readonly [path: string, code: string]> => {
  const imports: Array<string> = []
  const locals: Array<string> = []
  const parameters = () => [...locals, "import$"].join(", ")
  // Scripts have no `import.meta`, whose `env` Node leaves out, and import modules only by the module that runs them. At
  // the start of a line, `import` is in the source of a thread, which is a string.
  const body = code.replaceAll("import.meta.env", "undefined").replace(/(?<!^)\bimport\(/gm, "import$(").replace(
    /^import (?:(.*) from )?".*";\n/gm,
    (line, clause: string | undefined) => {
      imports.push(line)
      if (clause !== undefined) locals.push(...localsOf(clause))
      return ""
    }
  ).replace(
    /^export \{ (.*) \};$/m,
    (_, list: string) => `return { ${parse(list).map(({ from, to }) => `${to}: ${from}`).join(", ")} };`
  )
  const script = path.replace(/\.js$/, ".script.js")
  const module = [
    ...imports,
    `import { loadScript as loadScript$ } from "${posix.relative(posix.dirname(path), "loadScript.js")}";\n`,
    "const import$ = (specifier) => import(specifier);\n",
    `export const exported = loadScript$(new URL("${posix.basename(script)}", import.meta.url))(${parameters()});\n`
  ].join("")
  return [[path, module], [script, ascii(`(function(${parameters()}) {\n"use strict";\n${body}\n})`)]]
}

/** The files of a bundle, by their paths, with a script in the place of each of `chunks`. */
export const withScripts = (
  modules: ReadonlyMap<string, string>,
  chunks: ReadonlyArray<string>
): ReadonlyMap<string, string> =>
  new Map(
    Array.from(modules).flatMap(([path, code]) => {
      const imported = code.replace(
        /^(import|export) \{ (.*) \} from "(\..*)";$/gm,
        (statement, keyword: string, list: string, specifier: string, at: number) => {
          if (!chunks.includes(posix.join(posix.dirname(path), specifier))) return statement
          const object = `exported${at}`
          const names = parse(list).map(({ from, to }, i) => ({
            from: `${object}.${from}`,
            local: keyword === "import" ? to : `${object}_${i}`,
            to
          }))
          const lines = [`import { exported as ${object} } from "${specifier}";`]
          if (names.length > 0) lines.push(`const ${names.map(({ from, local }) => `${local} = ${from}`).join(", ")};`)
          if (keyword === "export") {
            lines.push(`export { ${names.map(({ local, to }) => `${local} as ${to}`).join(", ")} };`)
          }
          return lines.join("\n")
        }
      )
      return chunks.includes(path) ? split(path, imported) : [[path, imported] as const]
    })
  )
