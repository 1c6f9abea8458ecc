/**
 * Writes the options of the public modules into the reference, from the comments in src.
 *
 * `npm run docs` replaces the lines between `<!-- options NAME -->` and `<!-- end -->` in the pages
 * of docs/reference. NAME is an exported interface of options, or `Module.function` where
 * the options are declared in the parameters of a function.
 */
import { globSync, readFileSync, writeFileSync } from "node:fs"
import { basename } from "node:path"
import { pathToFileURL } from "node:url"
import ts from "typescript6"

const parse = (file: string) => ts.createSourceFile(file, readFileSync(file, "utf8"), ts.ScriptTarget.Latest, true)

const modules = globSync("src/{*,layers/*}.ts").sort().map(parse)

const internals = globSync("src/internal/**/*.ts").sort().map(parse)

/**
 * The options that are declared in a node, without those of an option's own type. A type that is composed of other
 * declarations has the options of all of them.
 */
const optionsIn = (node: ts.Node): Array<ts.PropertySignature> => {
  if (ts.isPropertySignature(node)) return [node]
  if (ts.isTypeAliasDeclaration(node)) return referencesIn(node.type).flatMap((name) => optionsIn(declarationOf(name)))
  return childrenOf(node).flatMap(optionsIn)
}

/** The names of the types that a type is composed of. */
const referencesIn = (node: ts.Node): Array<string> =>
  ts.isTypeReferenceNode(node) ? [node.typeName.getText()] : childrenOf(node).flatMap(referencesIn)

const childrenOf = (node: ts.Node): Array<ts.Node> => {
  const children: Array<ts.Node> = []
  ts.forEachChild(node, (child) => void children.push(child))
  return children
}

const find = <N extends ts.Node>(node: ts.Node, test: (node: ts.Node) => node is N): N | undefined => {
  if (test(node)) return node
  for (const child of childrenOf(node)) {
    const found = find(child, test)
    if (found !== undefined) return found
  }
  return undefined
}

type Declaration = ts.InterfaceDeclaration | ts.TypeAliasDeclaration | ts.VariableDeclaration

const isNamed = (name: string) => (node: ts.Node): node is Declaration =>
  (ts.isInterfaceDeclaration(node) || ts.isTypeAliasDeclaration(node) || ts.isVariableDeclaration(node)) &&
  node.name.getText() === name

const isOptionsParameter = (node: ts.Node): node is ts.ParameterDeclaration =>
  ts.isParameter(node) && node.name.getText() === "options"

const declarationOf = (name: string): ts.Node => {
  const [module, variable] = name.split(".")
  for (const source of [...modules, ...internals]) {
    if (variable !== undefined && basename(source.fileName) !== `${module}.ts`) continue
    const found = find(source, isNamed(variable ?? name))
    if (found === undefined) continue
    const declaration = variable === undefined ? found : find(found, isOptionsParameter)
    if (declaration !== undefined) return declaration
  }
  throw new Error(`No options are declared as ${name}`)
}

/** Whether the option is declared only to exclude it, as in a union of which one member has it. */
const isExcluded = ({ type }: ts.PropertySignature): boolean => type!.kind === ts.SyntaxKind.UndefinedKeyword

/** The comment of an option, as one line. */
const commentOf = (option: ts.PropertySignature): string => {
  const [comment] = ts.getJSDocCommentsAndTags(option)
  const text = comment === undefined ? undefined : ts.getTextOfJSDocComment(comment.comment)
  if (text === undefined) throw new Error(`The option ${option.name.getText()} has no comment`)
  return text.replace(/\s+/g, " ")
}

/** The type of an option, or none if it depends on the parameters of a generic function. */
const typeOf = ({ type }: ts.PropertySignature): string | undefined => {
  if (ts.isIntersectionTypeNode(type!)) return undefined
  return type!.getText().replaceAll(/\{\s+/g, "{ ").replaceAll(/\s+\}/g, " }").replaceAll(/\n\s*/g, "; ")
    .replaceAll("readonly ", "").replaceAll(" | undefined", "").replace(/^\((\(.*)\)$/, "$1")
}

/** An item of a list, in lines of at most 120 columns that do not break code. */
const wrap = (text: string): string =>
  text.match(/(?:`[^`]*`|\S)+/g)!.reduce((lines, word) => {
    const line = lines[lines.length - 1]
    if (line.length + 1 + word.length <= 120) lines[lines.length - 1] = `${line} ${word}`
    else lines.push(`  ${word}`)
    return lines
  }, ["-"]).join("\n")

/** The list of the options that are declared as `name`. */
const listOf = (name: string): string => {
  const options = optionsIn(declarationOf(name))
  const alternatives = options.filter(isExcluded).map((option) => option.name.getText())
  return options.filter((option) => !isExcluded(option)).map((option) => {
    const name = option.name.getText()
    const type = typeOf(option)
    const others = alternatives.includes(name) ? alternatives.filter((other) => other !== name) : []
    const notes = [
      ...(type === undefined ? [] : [`\`${type}\``]),
      ...(option.questionToken === undefined
        ? [["required", ...others.map((other) => `\`${other}\``)].join(" if not ")]
        : [])
    ]
    const note = notes.length === 0 ? "" : ` (${notes.join(", ")})`
    return wrap(`**\`${name}\`**${note}: ${commentOf(option)}`)
  }).join("\n")
}

/** The pages that list options. */
export const pages: ReadonlyArray<string> = globSync("docs/reference/*.md").sort()

/** The text of a page, with its lists generated from the sources. */
export const update = (text: string): string =>
  text.replace(
    /(<!-- options (\S+) -->\n)[^]*?(<!-- end -->)/g,
    (_, begin: string, name: string, end: string) => `${begin}\n${listOf(name)}\n\n${end}`
  )

/** The interfaces of options that the public modules declare or export. */
export const names: ReadonlyArray<string> = modules.flatMap(({ statements }) =>
  statements.flatMap((statement): ReadonlyArray<string> => {
    if (ts.isInterfaceDeclaration(statement)) return [statement.name.text]
    if (!ts.isExportDeclaration(statement) || statement.exportClause === undefined) return []
    if (!ts.isNamedExports(statement.exportClause)) return []
    return statement.exportClause.elements.map(({ name, propertyName }) => (propertyName ?? name).text)
  })
).filter((name) => name.endsWith("Options"))

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  for (const page of pages) writeFileSync(page, update(readFileSync(page, "utf8")))
}
