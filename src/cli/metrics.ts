/**
 * Exports the metrics of a command to an OpenTelemetry collector, if the environment names one.
 *
 * Must stay true: neither a collector that does not answer nor a variable that cannot be read fails a command. The
 * exporter is loaded only if it is used.
 */
import * as Cause from "effect/Cause"
import * as Config from "effect/Config"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"

const text = (name: string) => Config.option(Config.String(name))

const environment = Config.all({
  endpoint: text("OTEL_EXPORTER_OTLP_ENDPOINT"),
  metricsEndpoint: text("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT"),
  attributes: text("OTEL_RESOURCE_ATTRIBUTES")
})

const messageOf = (cause: Cause.Cause<unknown>): string =>
  Cause.prettyErrors(cause).map(({ message }) => message).join("\n")

/** Exports while the Layer is open, and once more when it is closed. Reads the variables of OpenTelemetry. */
export const layer: Layer.Layer<never> = Layer.unwrap(
  Effect.gen(function*() {
    const { attributes, endpoint, metricsEndpoint } = yield* environment
    if (Option.isNone(endpoint) && Option.isNone(metricsEndpoint)) return Layer.empty
    const [FetchHttpClient, OtlpMetrics, OtlpSerialization] = yield* Effect.promise(() =>
      Promise.all([
        import("effect/http/FetchHttpClient"),
        import("effect/observability/OtlpMetrics"),
        import("effect/observability/OtlpSerialization")
      ])
    )
    const isNamed = Option.exists(attributes, (attributes) => attributes.includes("service.name="))
    // The defaults of OpenTelemetry and of the command.
    const defaults = { OTEL_METRICS_EXPORTER: "otlp", ...(isNamed ? {} : { OTEL_SERVICE_NAME: "papyros" }) }
    return OtlpMetrics.layerFromConfig().pipe(
      Layer.provide([FetchHttpClient.layer, OtlpSerialization.layerJson]),
      Layer.provide(ConfigProvider.layerAdd(ConfigProvider.fromEnv({ env: defaults })))
    )
  })
).pipe(
  Layer.catchCause((cause) =>
    Layer.effectDiscard(
      Effect.logWarning(`No metrics are exported: the variables of OpenTelemetry cannot be read.\n${messageOf(cause)}`)
    )
  )
)
