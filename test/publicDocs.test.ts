import { assert, describe, it } from "@effect/vitest"
import { readFileSync } from "node:fs"
import ts from "typescript6"

const manifest: { readonly exports: Record<string, string | null | { readonly "papyros-source": string }> } = JSON
  .parse(
    readFileSync("package.json", "utf8")
  )

/** The public modules that users can import, without the barrel, which only re-exports them. */
const modules = Object.entries(manifest.exports).flatMap(([subpath, target]) =>
  subpath !== "." && target !== null && typeof target === "object" ? [target["papyros-source"]] : []
)

const options: ts.CompilerOptions = {
  allowImportingTsExtensions: true,
  module: ts.ModuleKind.NodeNext,
  noEmit: true,
  noLib: true,
  types: []
}

const host = ts.createCompilerHost(options)
// Comments and re-exports do not depend on the types of other packages, which take most of the time to read.
host.resolveModuleNameLiterals = (literals, from) =>
  literals.map(({ text }) =>
    text.startsWith(".") ? ts.resolveModuleName(text, from, options, host) : { resolvedModule: undefined }
  )

const program = ts.createProgram(modules, options, host)
const checker = program.getTypeChecker()

interface Exported {
  readonly name: string
  readonly tags: ReadonlyMap<string, string>
  readonly text: string
}

const exportsOf = (module: string): ReadonlyArray<Exported> => {
  const symbol = checker.getSymbolAtLocation(program.getSourceFile(module)!)!
  return checker.getExportsOfModule(symbol).map((exported) => {
    const target = exported.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(exported) : exported
    // The documentation at a re-export takes precedence over that of the original symbol.
    const documented = [exported, target].find((symbol) => symbol.getJsDocTags().length > 0) ?? target
    return {
      name: exported.name,
      tags: new Map(documented.getJsDocTags().map(({ name, text }) => [name, ts.displayPartsToString(text)])),
      text: ts.displayPartsToString(documented.getDocumentationComment(checker))
    }
  })
}

describe("public docs", () => {
  it.each(modules)("every export of %s has a description, @since, @category and @stability", (module) => {
    const missing: Array<string> = []
    for (const { name, tags, text } of exportsOf(module)) {
      if (tags.has("internal")) continue
      const lacks = [
        ...(text.trim() === "" ? ["a description"] : []),
        ...["category", "since", "stability"].filter((tag) => (tags.get(tag) ?? "") === "").map((tag) => `@${tag}`)
      ]
      if (lacks.length > 0) missing.push(`${name} lacks ${lacks.join(", ")}`)
    }
    assert.deepStrictEqual(missing, [])
  })
})
