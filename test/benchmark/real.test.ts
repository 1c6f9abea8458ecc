import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { gunzipSync } from "node:zlib"
import * as Dispatcher from "papyros/Dispatcher"
import * as WorkerPoolDispatcher from "papyros/WorkerPoolDispatcher"
import { libraries } from "../../benchmark/real/competitors/libraries.ts"
import { tasksOf } from "../../benchmark/real/competitors/papyros.ts"
import { run, startCompetitor } from "../../benchmark/real/competitors/processes.ts"
import { png, text } from "../../benchmark/real/workload/binaries.ts"
import { compress, hash } from "../../benchmark/real/workload/functions/bytes.ts"
import { parseCsv, splitCsv } from "../../benchmark/real/workload/functions/csv.ts"
import { resize } from "../../benchmark/real/workload/functions/images.ts"
import { addTotals, addTotalsToText } from "../../benchmark/real/workload/functions/json.ts"
import { render } from "../../benchmark/real/workload/functions/markdown.ts"
import { sum } from "../../benchmark/real/workload/functions/tables.ts"
import { transpile } from "../../benchmark/real/workload/functions/typescript.ts"
import { inputs } from "../../benchmark/real/workload/inputs.ts"
import { workloadsOf } from "../../benchmark/real/workload/oracle.ts"
import { Random } from "../../benchmark/real/workload/random.ts"
import { groups } from "../../benchmark/real/workload/tasks.ts"

/** Width and height in the frame header of a JPEG file, which ITU-T T.81 calls SOF0. */
const sizeOf = (jpeg: Uint8Array): readonly [width: number, height: number] => {
  const view = new DataView(jpeg.buffer, jpeg.byteOffset, jpeg.byteLength)
  let at = 2
  while (view.getUint16(at) !== 0xffc0) at += 2 + view.getUint16(at + 2)
  return [view.getUint16(at + 7), view.getUint16(at + 5)]
}

describe("benchmark real, functions", () => {
  it("render gives the HTML of the CommonMark specification", () => {
    assert.strictEqual(render({ markdown: "## a\n\n*b* `c`" }), "<h2>a</h2>\n<p><em>b</em> <code>c</code></p>\n")
  })

  it("transpile gives a module with the behaviour of its source", async () => {
    const { errors, js } = transpile({
      file: new URL("../../benchmark/real/workload/random.ts", import.meta.url).pathname
    })
    assert.strictEqual(errors, 0)
    const module = await import(`data:text/javascript;base64,${Buffer.from(js).toString("base64")}`)
    assert.strictEqual(new module.Random(7).words(20), new Random(7).words(20))
  })

  it("parseCsv and splitCsv give the rows", () => {
    const csv = "id,name,price,inStock\n1,nut,0.25,true\n2,bolt,1.5,false\n"
    const rows = [{ id: 1, name: "nut", price: 0.25, inStock: true }, {
      id: 2,
      name: "bolt",
      price: 1.5,
      inStock: false
    }]
    assert.deepStrictEqual(parseCsv({ csv }), rows)
    assert.deepStrictEqual(splitCsv({ csv }), rows)
  })

  it("hash gives the SHA-256 of FIPS 180-4, and compress what gunzip reverses", () => {
    assert.strictEqual(
      hash({ bytes: Buffer.from("abc") }),
      "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    )
    const bytes = text(1, 5000)
    const compressed = compress({ bytes })
    assert.isBelow(compressed.length, bytes.length / 2)
    assert.deepStrictEqual(Uint8Array.from(gunzipSync(compressed)), bytes)
  })

  it("resize gives a JPEG image of the width, with the proportions of the PNG image", async () => {
    assert.deepStrictEqual(sizeOf(await resize({ image: png(1, 64, 48), width: 16 })), [16, 12])
  })

  it("sum adds up the quantities, and addTotals the prices of each order", () => {
    const rows = [2, 3, 5].map((quantity) => ({ quantity, name: "nut", inStock: true, price: 0.25 }))
    assert.strictEqual(sum({ id: 1, kind: "bulk", rows }), 10)
    const value = { orders: [{ items: [{ quantity: 2, price: 1.5 }, { quantity: 1, price: 0.25 }] }, { items: [] }] }
    const expected = { orders: [{ ...value.orders[0], total: 3.25 }, { items: [], total: 0 }] }
    assert.deepStrictEqual(addTotals({ value }), expected)
    assert.deepStrictEqual(JSON.parse(addTotalsToText({ json: JSON.stringify(value) })), expected)
  })
})

describe("benchmark real, papyros", () => {
  const group = groups.bytes.merge(
    groups.csv,
    groups.images,
    groups.json,
    groups.markdown,
    groups.tables,
    groups.typescript
  )
  const layer = WorkerPoolDispatcher.layer(group, {
    handlers: new URL("./realHandlers.ts", import.meta.url),
    size: 1
  })

  it.live("every input gives in a thread what its function gives without a pool", () =>
    Effect.gen(function*() {
      for (const input of inputs) {
        const module = yield* Effect.promise(() => import(`../../benchmark/real/workload/functions/${input.module}.ts`))
        const payload = input.payloads(2)
        const task = tasksOf({ ...input, distinct: 2 }, payload)
        const results = yield* Stream.runCollect(Dispatcher.execute([task(0), task(1)], { ordered: true }))
        for (const i of [0, 1]) {
          const expected = yield* Effect.promise(async () => module[input.function](payload(i)))
          assert.deepStrictEqual(plain(results[i]), plain(expected), input.name)
        }
      }
    }).pipe(Effect.provide(layer)))
})

/** Bytes as a `Uint8Array`: without a pool some are a `Buffer`. */
const plain = (value: unknown): unknown => value instanceof Uint8Array ? Uint8Array.from(value) : value

describe("benchmark real, processes", () => {
  const TASKS = 40

  it.live("every library delivers the expected results, twice", () =>
    Effect.gen(function*() {
      const input = inputs.find(({ name }) => name === "hash, 64 KB")!
      const { expected } = (yield* Effect.promise(() => workloadsOf(input)))(TASKS)
      yield* Effect.forEach(
        Object.keys(libraries),
        Effect.fnUntraced(function*(library) {
          const process = yield* startCompetitor(library, input)
          for (const opened of [false, true]) {
            const { cpu, loading, memory, tally, wall } = yield* run(process, TASKS)
            assert.strictEqual(String(tally), String(expected), library)
            assert.isAbove(cpu, 0)
            assert.isAbove(memory, 1e6)
            assert.strictEqual(loading > 0 && loading < wall, !opened)
          }
        }, Effect.scoped),
        { concurrency: 2, discard: true }
      )
    }))
})
