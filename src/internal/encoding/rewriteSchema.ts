/**
 * Rewrites the declarations of a schema, at any depth, and its leaves, to change how their values are encoded.
 *
 * Must stay true: a recursive schema stays recursive, and its other parts stay as they are.
 */
import { identity } from "effect/Function"
import * as SchemaAST from "effect/SchemaAST"

/** The parts that replace those of a declaration. Its encoding stays, rewritten, unless it is given. */
interface Changed {
  readonly annotations: SchemaAST.Declaration["annotations"]
  readonly encoding?: SchemaAST.Encoding | undefined
}

type Change = (ast: SchemaAST.Declaration, rewrite: Rewrite) => Changed | undefined

type Rewrite = (ast: SchemaAST.AST) => SchemaAST.AST

/** Rewrites the declarations for which `change` gives something. `changeLeaf` replaces other parts without parts. */
export const rewriteDeclarations = (change: Change, changeLeaf: Rewrite = identity): Rewrite => (root) => {
  // A recursive schema comes back to a node that is being rewritten, by way of a `Suspend`.
  const known = new Map<SchemaAST.AST, SchemaAST.AST>()
  const rewrite: Rewrite = (ast) => {
    let rewritten = known.get(ast)
    if (rewritten === undefined) known.set(ast, rewritten = rewriteNode(ast, rewrite, change, changeLeaf))
    return rewritten
  }
  return rewrite(root)
}

const rewriteNode = (ast: SchemaAST.AST, rewrite: Rewrite, change: Change, changeLeaf: Rewrite): SchemaAST.AST => {
  const links = ast.encoding?.map((link) => new SchemaAST.Link(rewrite(link.to), link.transformation))
  const encoding = links as SchemaAST.Encoding | undefined
  const { annotations, checks, context } = ast
  switch (ast._tag) {
    case "Declaration": {
      const changed: Changed = change(ast, rewrite) ?? { annotations, encoding }
      return new SchemaAST.Declaration(
        ast.typeParameters.map(rewrite),
        ast.run,
        changed.annotations,
        checks,
        "encoding" in changed ? changed.encoding : encoding,
        context,
        ast.encodingChecks,
        ast.encodingRun
      )
    }
    case "Arrays":
      return new SchemaAST.Arrays(
        ast.isMutable,
        ast.elements.map(rewrite),
        ast.rest.map(rewrite),
        annotations,
        checks,
        encoding,
        context,
        ast.encodingChecks
      )
    case "Objects":
      return new SchemaAST.Objects(
        ast.propertySignatures.map(({ name, type }) => new SchemaAST.PropertySignature(name, rewrite(type))),
        ast.indexSignatures.map(({ parameter, type }) => new SchemaAST.IndexSignature(parameter, rewrite(type))),
        annotations,
        checks,
        encoding,
        context,
        ast.encodingChecks
      )
    case "Union":
      return new SchemaAST.Union(
        ast.types.map(rewrite),
        ast.options,
        annotations,
        checks,
        encoding,
        context,
        ast.encodingChecks
      )
    case "Suspend":
      return new SchemaAST.Suspend(() => rewrite(ast.thunk()), annotations, checks, encoding, context)
    default:
      return changeLeaf(encoding === undefined ? ast : copyOf(ast, encoding))
  }
}

/** `SchemaAST` copies its nodes likewise. */
const copyOf = <A extends SchemaAST.AST>(ast: A, encoding: SchemaAST.Encoding): A =>
  Object.assign(Object.create(Object.getPrototypeOf(ast) as object) as object, ast, { encoding })
