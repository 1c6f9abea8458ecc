/**
 * Gives a chunk of the bundle one export, an object with all that it exported. V8 compiles functions when they are first
 * called, and for each variable of such a function that is not its own, it goes through the list of the imports and
 * exports of the module. With thousands of exports that took a quarter of the start of a thread.
 *
 * Must stay true: the statements `import` and `export` of rolldown are one line each. A binding that may be assigned
 * again, one of `let`, stays an export of its own.
 */
import { posix } from "node:path"

interface Name {
  /** The name in the module that the statement refers to. */
  readonly from: string
  readonly to: string
}

const parse = (names: string): ReadonlyArray<Name> =>
  names.split(", ").map((name) => {
    const [from, to = from] = name.split(" as ")
    return { from, to }
  })

const print = (names: ReadonlyArray<Name>, separator: string): string =>
  names.map(({ from, to }) => `${from}${separator}${to}`).join(", ")

/** The code of the modules of a bundle, by their paths, with one export in the place of those of `chunks`. */
export const withExportsObjects = (
  modules: ReadonlyMap<string, string>,
  chunks: ReadonlyArray<string>
): ReadonlyMap<string, string> => {
  /** The exports that remain, by the path of their chunk. */
  const kept = new Map<string, ReadonlySet<string>>()
  const exported = new Map(modules)
  for (const path of chunks) {
    const code = modules.get(path)!
    const variables = new Set(Array.from(code.matchAll(/^let ([\w$]+)/gm), ([, name]) => name))
    exported.set(
      path,
      code.replace(/^export \{ (.*) \};$/m, (_, list: string) => {
        const { false: constants = [], true: assigned = [] } = Object.groupBy(
          parse(list),
          ({ from }) => variables.has(from) ? "true" : "false"
        )
        kept.set(path, new Set(assigned.map(({ to }) => to)))
        const object = constants.map(({ from, to }) => `${to}: ${from}`).join(", ")
        return `export { ${print(assigned, " as ")} };\nexport const exported = { ${object} };`
      })
    )
  }
  return new Map(Array.from(exported, ([path, code]) => [
    path,
    code.replace(
      /^(import|export) \{ (.*) \} from "(\..*)";$/gm,
      (statement, keyword: string, list: string, specifier: string, at: number) => {
        const own = kept.get(posix.join(posix.dirname(path), specifier))
        if (own === undefined) return statement
        const names = parse(list)
        const object = `exported${at}`
        const assigned = names.filter(({ from }) => own.has(from))
        const constants = names.filter(({ from }) => !own.has(from)).map(({ from, to }, i) => ({
          from: `${object}.${from}`,
          local: keyword === "import" ? to : `${object}_${i}`,
          to
        }))
        const lines = [`import { exported as ${object} } from "${specifier}";`]
        if (assigned.length > 0) lines.push(`${keyword} { ${print(assigned, " as ")} } from "${specifier}";`)
        if (constants.length > 0) {
          lines.push(`const ${constants.map(({ from, local }) => `${local} = ${from}`).join(", ")};`)
          if (keyword === "export") {
            lines.push(`export { ${constants.map(({ local, to }) => `${local} as ${to}`).join(", ")} };`)
          }
        }
        return lines.join("\n")
      }
    )
  ]))
}
