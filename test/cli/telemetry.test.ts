import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { collector, spansOf } from "../support/traces/collector.ts"
import { handlers, papyrosWith, spawned } from "./harness.ts"

interface Point {
  readonly asDouble?: number
  readonly asInt?: number | string
  readonly attributes: ReadonlyArray<{ readonly key: string; readonly value: { readonly stringValue: string } }>
}

/** The last value of each series of a counter, by its attributes. */
const counts = (bodies: ReadonlyArray<string>, name: string): Record<string, number> => {
  const found: Record<string, number> = {}
  for (const body of bodies) {
    if (!body.startsWith("/v1/metrics ")) continue
    const { resourceMetrics } = JSON.parse(body.slice(body.indexOf(" ") + 1))
    const metrics = resourceMetrics.flatMap(({ scopeMetrics }: { scopeMetrics: Array<{ metrics: Array<unknown> }> }) =>
      scopeMetrics.flatMap(({ metrics }) => metrics)
    )
    for (const metric of metrics) {
      if (metric.name !== name) continue
      for (const { asDouble, asInt, attributes } of metric.sum.dataPoints as ReadonlyArray<Point>) {
        found[attributes.map(({ value }) => value.stringValue).join(" ")] = Number(asDouble ?? asInt)
      }
    }
  }
  return found
}

const payloads = `{"n":12}\n{"n":-4}\n{"n":15}\n`

describe("papyros run, with a collector of OpenTelemetry", () => {
  it.live("exports the metrics and spans of a run that is over at once", () =>
    Effect.gen(function*() {
      const to = yield* collector
      const { bodies, url } = to
      const env = { OTEL_EXPORTER_OTLP_ENDPOINT: url }
      const { code } = yield* spawned(["run", handlers, "Factorize"], payloads, env)
      assert.strictEqual(code, 1)
      assert.deepStrictEqual(bodies.map((body) => body.split(" ")[0]).sort(), ["/v1/metrics", "/v1/traces"])
      assert.include(bodies[0], `"key":"service.name","value":{"stringValue":"papyros"}`)
      assert.deepStrictEqual(counts(bodies, "papyros_tasks_completed_total"), {
        "fiber Factorize success": 2,
        "fiber Factorize Failed": 1
      })
      assert.deepStrictEqual(counts(bodies, "papyros_tasks_started_total"), { "fiber Factorize": 3 })
      const metrics = bodies.find((body) => body.startsWith("/v1/metrics "))!
      for (
        const [name, unit] of [["task_run_seconds", "s"], ["chunk_overhead_seconds", "s"], ["sent_bytes_total", "By"]]
      ) assert.match(metrics, new RegExp(`"name":"papyros_${name}","description":"[^"]+","unit":"${unit}"`))
      const names = spansOf(to).map(({ name }) => name).sort()
      assert.deepStrictEqual(names, [
        "papyros run",
        "papyros.Factorize",
        "papyros.Factorize",
        "papyros.Factorize",
        "papyros.execute"
      ])
    }))

  it.live("goes on if the collector is not there", () =>
    Effect.gen(function*() {
      const { close, url } = yield* collector
      close()
      const { code, stdout } = yield* papyrosWith(["run", handlers, "Factorize"], {
        stdin: payloads,
        env: { OTEL_EXPORTER_OTLP_ENDPOINT: url, OTEL_EXPORTER_OTLP_TIMEOUT: "100" }
      })
      assert.strictEqual(stdout.split("\n").length, 4)
      assert.strictEqual(code, 1)
    }))

  it.live("goes on without metrics if a variable cannot be read, and says so", () =>
    Effect.gen(function*() {
      const { code, stderr, stdout } = yield* spawned(["run", handlers, "Factorize"], payloads, {
        OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:1",
        // A value of OpenTelemetry that is not supported.
        OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE: "lowmemory"
      })
      assert.deepStrictEqual([stdout.split("\n").length, code], [4, 1])
      assert.include(stderr, "No metrics are exported")
      assert.include(stderr, "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE")
    }))
})
