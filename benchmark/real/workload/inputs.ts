/**
 * The work of each case as data: a function, its payloads, and the checksums of its results.
 *
 * The processes of all competitors import this module, so it imports types of the functions only: a process whose
 * start and memory are measured loads no library that its competitor does not need.
 */
import { readdirSync, statSync } from "node:fs"
import { createRequire } from "node:module"
import { dirname, join } from "node:path"
import { crc32 } from "node:zlib"
import { png, text } from "./binaries.ts"
import type * as Bytes from "./functions/bytes.ts"
import type * as Csv from "./functions/csv.ts"
import type * as Images from "./functions/images.ts"
import type * as Json from "./functions/json.ts"
import type * as Markdown from "./functions/markdown.ts"
import type * as Tables from "./functions/tables.ts"
import type * as TypeScript from "./functions/typescript.ts"
import { Random } from "./random.ts"
import { csv, markdown, orders } from "./texts.ts"

/** The functions by the names of the tasks that run them. */
interface Functions {
  readonly Render: typeof Markdown.render
  readonly Transpile: typeof TypeScript.transpile
  readonly ParseCsv: typeof Csv.parseCsv
  readonly SplitCsv: typeof Csv.splitCsv
  readonly Hash: typeof Bytes.hash
  readonly Compress: typeof Bytes.compress
  readonly Resize: typeof Images.resize
  readonly Sum: typeof Tables.sum
  readonly SumRows: typeof Tables.sum
  readonly AddTotalsToText: typeof Json.addTotalsToText
  readonly AddTotals: typeof Json.addTotals
}

export type TaskName = keyof Functions
export type Payload<T extends TaskName> = Parameters<Functions[T]>[0]
export type Result<T extends TaskName> = Awaited<ReturnType<Functions[T]>>

export type ModuleName = "bytes" | "csv" | "images" | "json" | "markdown" | "tables" | "typescript"

export interface Input<T extends TaskName = TaskName> {
  readonly name: string
  /** The modules below `functions` and `handlers`. */
  readonly module: ModuleName
  /** The name of the function in its module. */
  readonly function: string
  readonly task: T
  /** The number of different payloads: more than fit into a message, in which equal objects are written once. */
  readonly distinct: number
  /** Returns the payload of each task, of that many different ones. Those that exist before the tasks are made here. */
  readonly payloads: (distinct: number) => (i: number) => Payload<T>
  /** Whether the tasks of papyros, too, exist before the clock starts. Default: they are made while it runs. */
  readonly madeBefore?: boolean
  /** The checksum of a result, of which a tally is made. */
  readonly toNumber: (result: Result<T>) => number
  /** Tasks in a run: of an open pool, and of a process that has just started, which should take about a second. */
  readonly tasks: { readonly steady: number; readonly cold: number }
  /** Rounds that are not counted, where V8 needs more of them than the harness allows for. */
  readonly warmUp?: number
  /** The intended ratio of the time to that of piscina, once the pool is warm. */
  readonly target: string
}

/** Payloads that are made before the tasks. */
const from = <A>(distinct: number, make: (seed: number) => A) => ({
  distinct,
  payloads: (distinct: number) => {
    const all = Array.from({ length: distinct }, (_, seed) => make(seed))
    return (i: number) => all[i % distinct]
  }
})

const KB = 1024
const MB = 1024 * KB

const NO_SLOWER = "at most 1"
const NESTED = "at most 0.71"
const CSV = "at most 0.67"

const products = (rows: Result<"ParseCsv">): number => {
  let sum = rows.length
  for (const { id, inStock, name, price } of rows) {
    sum += (inStock ? 3 : 1) * id + 4 * price + name.charCodeAt(name.length - 1) + name.length
  }
  return sum
}

/** Sources of effect that take some milliseconds each. */
const sourceFiles = (): ReadonlyArray<string> => {
  const folder = join(dirname(createRequire(import.meta.url).resolve("effect/package.json")), "src")
  return readdirSync(folder).toSorted().map((name) => join(folder, name)).filter((file) => {
    const { size } = statSync(file)
    return file.endsWith(".ts") && size > 8 * KB && size < 48 * KB
  })
}

const ROWS = 150
const TABLES = 512

const table = (id: number): Tables.Table => {
  const random = new Random(id)
  return {
    id,
    kind: "bulk",
    rows: Array.from({ length: ROWS }, (_, i) => ({
      quantity: random.below(1000),
      name: `row number ${i} of the payload ${id}`,
      inStock: i % 2 === 0,
      price: i * 1.5
    }))
  }
}

const input = <T extends TaskName>(it: Input<T>): Input<T> => it

const nested = { module: "tables", function: "sum", toNumber: Number, target: NESTED } as const

export const inputs = [
  ...([["markdown, 6 KB", 6, 500], ["markdown, 63 KB", 63, 60]] as const).map(([name, size, tasks]) =>
    input({
      name,
      module: "markdown",
      function: "render",
      task: "Render",
      ...from(64, (seed) => ({ markdown: markdown(seed, size * KB) })),
      toNumber: crc32,
      tasks: { steady: tasks, cold: 2 * tasks },
      target: NO_SLOWER
    })
  ),
  input({
    name: "TypeScript files",
    module: "typescript",
    function: "transpile",
    task: "Transpile",
    distinct: 60,
    payloads: (distinct) => {
      const files = sourceFiles()
      return (i) => ({ file: files[i % distinct] })
    },
    toNumber: ({ errors, js }) => crc32(js) + errors,
    tasks: { steady: 60, cold: 60 },
    warmUp: 10,
    target: NO_SLOWER
  }),
  input({
    name: "CSV by csv-parse, 200 rows out",
    module: "csv",
    function: "parseCsv",
    task: "ParseCsv",
    ...from(64, (seed) => ({ csv: csv(seed, 200) })),
    toNumber: products,
    tasks: { steady: 1000, cold: 1000 },
    target: CSV
  }),
  input({
    name: "CSV by hand, 200 rows out",
    module: "csv",
    function: "splitCsv",
    task: "SplitCsv",
    ...from(64, (seed) => ({ csv: csv(seed, 200) })),
    toNumber: products,
    tasks: { steady: 2000, cold: 1000 },
    target: CSV
  }),
  ...([["hash, 64 KB", 64 * KB, 1500, 1000], ["hash, 1 MB", MB, 200, 400]] as const).map(
    ([name, size, steady, cold]) =>
      input({
        name,
        module: "bytes",
        function: "hash",
        task: "Hash",
        ...from(32, (seed) => ({ bytes: text(seed, size) })),
        toNumber: crc32,
        tasks: { steady, cold },
        target: NO_SLOWER
      })
  ),
  ...([["gzip, 64 KB", 64 * KB, 150, 300], ["gzip, 1 MB", MB, 10, 20]] as const).map(([name, size, steady, cold]) =>
    input({
      name,
      module: "bytes",
      function: "compress",
      task: "Compress",
      ...from(32, (seed) => ({ bytes: text(seed, size) })),
      toNumber: crc32,
      tasks: { steady, cold },
      target: NO_SLOWER
    })
  ),
  input({
    name: "images, 640 x 480 to 160 x 120",
    module: "images",
    function: "resize",
    task: "Resize",
    ...from(16, (seed) => ({ image: png(seed, 640, 480), width: 160 })),
    toNumber: crc32,
    tasks: { steady: 80, cold: 160 },
    target: NO_SLOWER
  }),
  input({
    ...nested,
    name: "150 structs in, made before",
    task: "Sum",
    ...from(TABLES, table),
    madeBefore: true,
    tasks: { steady: 3000, cold: 1000 }
  }),
  input({
    ...nested,
    name: "150 structs in, made in the stream",
    task: "Sum",
    distinct: TABLES,
    payloads: (distinct) => (i) => table(i % distinct),
    tasks: { steady: 3000, cold: 1000 }
  }),
  input({
    ...nested,
    name: "150 class instances in, made in the stream",
    task: "SumRows",
    distinct: TABLES,
    payloads: (distinct) => (i) => table(i % distinct),
    tasks: { steady: 3000, cold: 1000 }
  }),
  input({
    name: "JSON text in and out, 14 KB",
    module: "json",
    function: "addTotalsToText",
    task: "AddTotalsToText",
    ...from(256, (seed) => ({ json: JSON.stringify(orders(seed, 40)) })),
    toNumber: crc32,
    tasks: { steady: 2000, cold: 1000 },
    target: NO_SLOWER
  }),
  input({
    name: "JSON value in and out, 14 KB",
    module: "json",
    function: "addTotals",
    task: "AddTotals",
    ...from(256, (seed) => ({ value: orders(seed, 40) })),
    toNumber: ({ orders }) => orders.reduce((sum, { items, total }) => sum + items.length + 4 * total, 0),
    tasks: { steady: 1500, cold: 1000 },
    target: NO_SLOWER
  })
]
