// The lint rules that oxlint itself does not have.
import { dirname, join, sep } from "node:path"
import { roomOf, rooms } from "./rooms.ts"

interface Node {
  readonly type: string
  readonly name?: string
}

interface Context {
  readonly filename: string
  readonly report: (problem: { readonly node: Node; readonly message: string }) => void
}

const isDate = (node: Node) => node.type === "Identifier" && node.name === "Date"

/** Forbids reading the wall clock: `Date.now`, `Date()` and `new Date()`. Dates made of a value are fine. */
const noWallClock = {
  create: (context: Context) => {
    const report = (node: Node) => context.report({ node, message: "Time comes from Effect's Clock." })
    return {
      MemberExpression: (node: Node & { readonly object: Node; readonly property: Node }) => {
        if (isDate(node.object) && node.property.name === "now") report(node)
      },
      CallExpression: (node: Node & { readonly callee: Node }) => {
        if (isDate(node.callee)) report(node)
      },
      NewExpression: (node: Node & { readonly callee: Node; readonly arguments: ReadonlyArray<Node> }) => {
        if (isDate(node.callee) && node.arguments.length === 0) report(node)
      }
    }
  }
}

/** The imports of package.json, by a file of the room that they mean. */
const subpaths: Readonly<Record<string, string>> = {
  "#platform": "internal/platform/server.ts",
  "#stdio": "internal/platform/stdio.ts"
}

const src = join(import.meta.dirname, "..", "src")

/** Checks every import in `src`, of values and of types, against the table in `rooms.ts`. */
const roomRule = {
  create: (context: Context) => {
    const below = (path: string) => path.slice(src.length + 1).replaceAll(sep, "/")
    const file = below(context.filename)
    const room = roomOf(file)
    const check = (node: Node & { readonly source: (Node & { readonly value?: unknown }) | null }) => {
      const specifier = node.source?.value
      if (typeof specifier !== "string" || !/^[.#]/.test(specifier)) return
      const target = subpaths[specifier] ?? below(join(dirname(context.filename), specifier))
      const imported = roomOf(target)
      if (room === undefined) {
        context.report({ node, message: `${file} belongs to no room: add its folder to scripts/rooms.ts.` })
      } else if (imported === undefined) {
        context.report({ node, message: `${target} belongs to no room of scripts/rooms.ts.` })
      } else if (imported !== room && !rooms[room].includes(imported)) {
        context.report({ node, message: `${room} may not import ${imported}, values or types: see scripts/rooms.ts.` })
      }
    }
    return {
      ImportDeclaration: check,
      ExportNamedDeclaration: check,
      ExportAllDeclaration: check,
      ImportExpression: check
    }
  }
}

export default {
  meta: { name: "papyros" },
  rules: { "no-wall-clock": noWallClock, rooms: roomRule }
}
