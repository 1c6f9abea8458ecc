/**
 * Exports the metrics and traces of a command to an OpenTelemetry collector, if the environment names one.
 *
 * Must stay true: neither a collector that does not answer nor a variable that cannot be read fails a command. The
 * exporters are loaded only if they are used. Without one, no span is made.
 */
import * as Cause from "effect/Cause"
import * as Config from "effect/Config"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Tracer from "effect/Tracer"

const text = (name: string) => Config.option(Config.String(name))

const environment = Config.all({
  endpoint: text("OTEL_EXPORTER_OTLP_ENDPOINT"),
  metricsEndpoint: text("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT"),
  tracesEndpoint: text("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"),
  attributes: text("OTEL_RESOURCE_ATTRIBUTES")
})

const messageOf = (cause: Cause.Cause<unknown>): string =>
  Cause.prettyErrors(cause).map(({ message }) => message).join("\n")

/** Goes on without an exporter that cannot be made. */
const orWarn = (signal: string) => <R>(layer: Layer.Layer<never, unknown, R>): Layer.Layer<never, never, R> =>
  Layer.catchCause(layer, (cause) =>
    Layer.effectDiscard(
      Effect.logWarning(
        `No ${signal} are exported: the variables of OpenTelemetry cannot be read.\n${messageOf(cause)}`
      )
    ))

/** A span of the command, if its spans are exported. */
const rootSpan = (name: string | undefined): Layer.Layer<never> =>
  Layer.unwrap(
    Effect.map(Tracer.Tracer, (tracer): Layer.Layer<never> =>
      name === undefined || tracer === Tracer.nativeTracer ? Layer.empty : Layer.span(name))
  )

/**
 * Exports while the Layer is open, and once more when it is closed. Reads the variables of OpenTelemetry. With `span`, all
 * that the command does is in a span of that name, if its spans are exported.
 */
export const layer = (span?: string): Layer.Layer<never> =>
  Layer.unwrap(
    Effect.gen(function*() {
      const { attributes, endpoint, metricsEndpoint, tracesEndpoint } = yield* environment
      if ([endpoint, metricsEndpoint, tracesEndpoint].every(Option.isNone)) return Layer.empty
      const [FetchHttpClient, OtlpMetrics, OtlpSerialization, OtlpTracer] = yield* Effect.promise(() =>
        Promise.all([
          import("effect/http/FetchHttpClient"),
          import("effect/observability/OtlpMetrics"),
          import("effect/observability/OtlpSerialization"),
          import("effect/observability/OtlpTracer")
        ])
      )
      const isNamed = Option.exists(attributes, (attributes) => attributes.includes("service.name="))
      // The defaults of OpenTelemetry and of the command.
      const defaults = {
        OTEL_METRICS_EXPORTER: "otlp",
        OTEL_TRACES_EXPORTER: "otlp",
        ...(isNamed ? {} : { OTEL_SERVICE_NAME: "papyros" })
      }
      const metrics = orWarn("metrics")(OtlpMetrics.layerFromConfig())
      const traces = orWarn("traces")(OtlpTracer.layerFromConfig())
      return Layer.provideMerge(rootSpan(span), Layer.merge(metrics, traces)).pipe(
        Layer.provide([FetchHttpClient.layer, OtlpSerialization.layerJson]),
        Layer.provide(ConfigProvider.layerAdd(ConfigProvider.fromEnv({ env: defaults })))
      )
    })
  ).pipe(orWarn("metrics and traces"))
