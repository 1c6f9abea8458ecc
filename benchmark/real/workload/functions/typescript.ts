/** TypeScript to JavaScript, by the compiler: a file is read, and transpiled without its imports. */
import { readFileSync } from "node:fs"
import ts from "typescript6"

export interface SourceFile {
  readonly file: string
}

export interface Transpiled {
  readonly js: string
  /** The number of syntax errors. */
  readonly errors: number
}

export const transpile = ({ file }: SourceFile): Transpiled => {
  const { diagnostics = [], outputText } = ts.transpileModule(readFileSync(file, "utf8"), {
    compilerOptions: { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext },
    fileName: file,
    reportDiagnostics: true
  })
  return { js: outputText, errors: diagnostics.length }
}
