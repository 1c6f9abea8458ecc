// The lint rules that oxlint itself does not have.

interface Node {
  readonly type: string
  readonly name?: string
}

interface Context {
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

export default {
  meta: { name: "papyros" },
  rules: { "no-wall-clock": noWallClock }
}
