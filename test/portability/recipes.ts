/**
 * The recipes of docs/guides/bundlers.md. Each has a heading, the files that it adds to the program, and commands, of
 * which the last one runs the program.
 */
import { readFileSync } from "node:fs"

export interface Recipe {
  readonly name: string
  readonly files: ReadonlyArray<{ readonly name: string; readonly text: string }>
  readonly commands: ReadonlyArray<string>
}

interface Fence {
  readonly language: string
  readonly name: string
  readonly text: string
}

const read = (guide: string): string => readFileSync(new URL(`../../docs/guides/${guide}`, import.meta.url), "utf8")

const fencesOf = (text: string): ReadonlyArray<Fence> =>
  Array.from(
    text.matchAll(/^```(\w+)(?: (\S+))?\n(.*?)^```$/gms),
    ([, language, name = "", text]) => ({ language, name, text })
  )

/** The modules that the guides show, by their names. */
export const modules = (): ReadonlyArray<Fence> =>
  ["bundlers.md", "runtimes.md"].flatMap((guide) =>
    fencesOf(read(guide)).filter(({ language, name }) => language === "ts" && name !== "")
  )

export const recipes = (): ReadonlyArray<Recipe> => {
  const [, chapter] = /^## Recipes$(.*?)(?=^## )/ms.exec(read("bundlers.md"))!
  return chapter.split(/^### /m).slice(1).map((section) => {
    const fences = fencesOf(section)
    return {
      name: section.slice(0, section.indexOf("\n")),
      files: fences.filter(({ name }) => name !== ""),
      commands: fences
        .filter(({ language }) => language === "sh")
        .flatMap(({ text }) => text.replaceAll("\\\n", "").trimEnd().split("\n"))
    }
  })
}
