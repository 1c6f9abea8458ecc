/**
 * Takes the code out of the documentation, for `test/docs.test.ts`.
 *
 * What is taken: every `ts` fence of README.md, CONTRIBUTING.md and the comments
 * in src, and every `console` fence of the two. Line n of a file made here is
 * line n of the document, so that whatever goes wrong says where.
 */
import { globSync, readFileSync } from "node:fs"

/** A program: one fence, or all fences of a document that name the same file. */
export interface Program {
  /** Where it is documented: path and line of its first fence. */
  readonly where: string
  /** Its path, the folder of which is named after the document. */
  readonly path: string
  readonly code: string
  /** What it should print, and where that is documented; empty if the document does not say. */
  readonly prints: ReadonlyArray<{ readonly where: string; readonly text: string }>
}

/** A command at a shell's prompt, and what it should print. */
export interface Command {
  readonly where: string
  readonly command: string
  readonly prints: string
}

interface Fence {
  readonly language: string
  readonly name: string | undefined
  readonly line: number
  readonly lines: ReadonlyArray<string>
}

const fencesOf = (document: string): Array<Fence> => {
  const prefix = document.endsWith(".ts") ? /^\s*\* ?/ : /^/
  const fences: Array<Fence> = []
  let open: { readonly language: string; readonly name: string | undefined; readonly line: number } | undefined
  let lines: Array<string> = []
  readFileSync(document, "utf8").split("\n").forEach((text, index) => {
    if (!prefix.test(text)) return
    const line = text.replace(prefix, "")
    const mark = /^```(\w*) ?(\S*)$/.exec(line)
    if (mark === null) {
      if (open !== undefined) lines.push(line)
    } else if (open === undefined) {
      open = { language: mark[1], name: mark[2] === "" ? undefined : mark[2], line: index + 2 }
      lines = []
    } else {
      fences.push({ ...open, lines })
      open = undefined
    }
  })
  if (open !== undefined) throw new Error(`${document}:${open.line}: this fence does not end`)
  return fences
}

/** A comment `// => text`, or any comment at the end of a line that logs. */
const printed = (line: string): string | undefined =>
  (/\/\/ => (.*)$/.exec(line) ?? /console\.log\(.*\) \/\/ (.*)$/i.exec(line))?.[1]

const documents = ["README.md", "CONTRIBUTING.md"]

/** The programs of the documentation, from the root of the repository. */
export const programs = (): Array<Program> =>
  [...documents, ...globSync("src/**/*.ts").sort()].flatMap((document) => {
    const files = new Map<string, Array<Fence>>()
    for (const fence of fencesOf(document)) {
      if (fence.language !== "ts") continue
      const name = fence.name ?? `${fence.line}.ts`
      files.set(name, [...files.get(name) ?? [], fence])
    }
    return Array.from(files, ([name, fences]): Program => {
      const code: Array<string> = []
      for (const { line, lines } of fences) {
        while (code.length < line - 1) code.push("")
        code.push(...lines)
      }
      return {
        where: `${document}:${fences[0].line}`,
        path: `${document}/${name}`,
        code: code.join("\n"),
        prints: code.flatMap((line, index) => {
          const text = printed(line)
          return text === undefined ? [] : [{ where: `${document}:${index + 1}`, text }]
        })
      }
    })
  })

/** The commands of the documentation: lines that begin with `$ ` in a `console` fence. */
export const commands = (): Array<Command> =>
  documents.flatMap((document) =>
    fencesOf(document).filter(({ language }) => language === "console").flatMap(({ line, lines }) => {
      const found: Array<{ where: string; command: string; prints: string }> = []
      lines.forEach((text, index) => {
        if (text.startsWith("$ ")) {
          found.push({ where: `${document}:${line + index}`, command: text.slice(2), prints: "" })
        } else if (found.length > 0) found[found.length - 1].prints += `${text}\n`
      })
      return found
    })
  )
