/** A file that several threads append lines to, in the order in which things happen. */
import * as Effect from "effect/Effect"
import { appendFileSync, closeSync, existsSync, fstatSync, mkdtempSync, openSync, readSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"

export interface Line {
  readonly what: string
  readonly id: number
  readonly thread: number
}

export const append = <L extends Line>(journal: string, line: L): void =>
  appendFileSync(journal, `${JSON.stringify(line)}\n`)

/** Reads one journal. Each read continues at the end of the last read, because tests read often and journals grow. */
class Reader {
  readonly lines: Array<Line> = []
  private offset = 0

  readOn(journal: string): void {
    const file = openSync(journal, "r")
    try {
      const bytes = Buffer.alloc(fstatSync(file).size - this.offset)
      const length = readSync(file, bytes, 0, bytes.length, this.offset)
      const end = bytes.lastIndexOf("\n", length - 1) + 1
      this.offset += end
      for (const line of bytes.toString("utf8", 0, end).split("\n")) {
        if (line !== "") this.lines.push(JSON.parse(line))
      }
    } finally {
      closeSync(file)
    }
  }
}

const readers = new Map<string, Reader>()

export const read = <L extends Line>(journal: string): ReadonlyArray<L> => {
  if (!existsSync(journal)) return []
  let reader = readers.get(journal)
  if (reader === undefined) readers.set(journal, reader = new Reader())
  reader.readOn(journal)
  return reader.lines.slice() as Array<L>
}

/** The path of a file that does not exist yet, in a folder that is removed with the scope. */
export const make = Effect.acquireRelease(
  Effect.sync(() => join(mkdtempSync(join(tmpdir(), "papyros-pool-")), "journal")),
  (journal) =>
    Effect.sync(() => {
      rmSync(dirname(journal), { recursive: true })
      readers.delete(journal)
    })
)

/** The URL of a handlers module that appends to a journal. */
export const urlOf = (module: string, journal: string): URL => {
  const url = new URL(module, import.meta.url)
  url.searchParams.set("journal", journal)
  return url
}
