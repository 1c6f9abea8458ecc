/**
 * Reads the documentation for `test/docs.test.ts`: its programs, its commands and its links.
 *
 * The programs are the `ts` fences of README.md, CONTRIBUTING.md, the pages in docs and the
 * comments in src. Line n of a program is line n of its document, so that an error message
 * of the compiler or of Node can name the line in the document.
 */
import { globSync, readFileSync } from "node:fs"
import { dirname, join } from "node:path"

/** A program: one fence, or all fences of a document that name the same file. */
export interface Program {
  /** The path and line of its first fence. */
  readonly where: string
  /** The path of the program in the project of the test. The document is its folder. */
  readonly path: string
  readonly code: string
  /** The output lines that its comments state, with their places. Empty if there are none. */
  readonly prints: ReadonlyArray<{ readonly where: string; readonly text: string }>
}

/** A command at a shell's prompt, and its output. */
export interface Command {
  readonly where: string
  readonly command: string
  readonly prints: string
}

/** A link to a file of the repository. */
export interface Link {
  readonly where: string
  /** The path from the root of the repository. */
  readonly path: string
  readonly anchor: string | undefined
}

interface Fence {
  readonly language: string
  readonly name: string | undefined
  readonly line: number
  readonly lines: ReadonlyArray<string>
}

const pages = globSync("docs/**/*.md").sort()

const runnable = ["README.md", "CONTRIBUTING.md", ...pages]

/** The documents that are checked for broken links. */
export const linked: ReadonlyArray<string> = [...runnable, "AGENTS.md", "CHANGELOG.md", "SECURITY.md"]

/** The fences of a document, and its lines with those inside of fences replaced by empty lines. */
const read = (document: string): { readonly fences: ReadonlyArray<Fence>; readonly prose: ReadonlyArray<string> } => {
  const prefix = document.endsWith(".ts") ? /^\s*\* ?/ : /^/
  const fences: Array<Fence> = []
  const prose: Array<string> = []
  let open: Omit<Fence, "lines"> | undefined
  let lines: Array<string> = []
  readFileSync(document, "utf8").split("\n").forEach((text, index) => {
    prose.push("")
    if (!prefix.test(text)) return
    const line = text.replace(prefix, "")
    const mark = /^```(\w*) ?(\S*)$/.exec(line)
    if (mark === null) {
      if (open === undefined) prose[index] = line
      else lines.push(line)
    } else if (open === undefined) {
      open = { language: mark[1], name: mark[2] === "" ? undefined : mark[2], line: index + 2 }
      lines = []
    } else {
      fences.push({ ...open, lines })
      open = undefined
    }
  })
  if (open !== undefined) throw new Error(`${document}:${open.line}: this fence does not end`)
  return { fences, prose }
}

// ----------------------------------------------------------------------------
// Programs
// ----------------------------------------------------------------------------

/** A comment `// => text`, or any comment at the end of a line that logs. */
const printed = (line: string): string | undefined =>
  (/\/\/ => (.*)$/.exec(line) ?? /console\.log\(.*\) \/\/ (.*)$/i.exec(line))?.[1]

/** Whether the program is the entry of a worker thread: it runs only in a thread that another program starts. */
export const isThread = ({ code }: Program): boolean => /^Thread\.run\(/m.test(code)

const programsOf = (document: string): Array<Program> => {
  const files = new Map<string, Array<Fence>>()
  for (const fence of read(document).fences) {
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
}

/** The programs of the documentation, from the root of the repository. */
export const programs = (): Array<Program> => [...runnable, ...globSync("src/**/*.ts").sort()].flatMap(programsOf)

/** Files of the README's example that the pages in docs import as if they were local files. */
export const shared = (): Array<Pick<Program, "path" | "code">> => {
  const own = new Set(pages.flatMap(programsOf).map(({ path }) => path))
  const example = programsOf("README.md").filter(({ path }) => /\/(?:tasks|handlers)\.ts$/.test(path))
  return pages.flatMap((page) =>
    example
      .map(({ code, path }) => ({ code, path: path.replace("README.md", page) }))
      .filter(({ path }) => !own.has(path))
  )
}

/** The commands of the documentation: lines that begin with `$ ` in a `console` fence. */
export const commands = (): Array<Command> =>
  runnable.flatMap((document) =>
    read(document).fences.filter(({ language }) => language === "console").flatMap(({ line, lines }) => {
      const found: Array<{ where: string; command: string; prints: string }> = []
      lines.forEach((text, index) => {
        if (text.startsWith("$ ")) {
          found.push({ where: `${document}:${line + index}`, command: text.slice(2), prints: "" })
        } else if (found.length > 0) found[found.length - 1].prints += `${text}\n`
      })
      return found
    })
  )

// ----------------------------------------------------------------------------
// Links
// ----------------------------------------------------------------------------

/** The links of a document that lead to files. */
export const linksOf = (document: string): Array<Link> =>
  read(document).prose.flatMap((line, index) =>
    Array.from(line.replace(/`[^`]*`/g, "").matchAll(/\]\(([^)\s]+)\)/g), ([, target]) => target)
      .filter((target) => !/^[a-z]+:/.test(target))
      .map((target): Link => {
        const [path, anchor] = target.split("#")
        return {
          where: `${document}:${index + 1}`,
          path: path === "" ? document : join(dirname(document), path),
          anchor
        }
      })
  )

/** The anchors that GitHub generates from the headings of a document. */
export const anchorsOf = (document: string): ReadonlySet<string> => {
  const anchors = new Set<string>()
  for (const line of read(document).prose) {
    const heading = /^#{1,6} (.*)$/.exec(line)?.[1]
    if (heading === undefined) continue
    const text = heading.replace(/\[([^\]]*)\]\([^)]*\)/g, "$1")
    const anchor = text.toLowerCase().replace(/[^\p{L}\p{N} _-]/gu, "").replaceAll(" ", "-")
    let unique = anchor
    for (let n = 1; anchors.has(unique); n++) unique = `${anchor}-${n}`
    anchors.add(unique)
  }
  return anchors
}
