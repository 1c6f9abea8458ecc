import * as Effect from "effect/Effect"
import { writeFileSync } from "node:fs"
import { pathToFileURL } from "node:url"
import * as Journal from "../journal.ts"

/** The URL of a module with this text, in a folder that goes with the test. */
export const written = (name: string, text: string) =>
  Effect.map(Journal.make, (journal) => {
    const url = new URL(name, pathToFileURL(journal))
    writeFileSync(url, text)
    return url
  })
