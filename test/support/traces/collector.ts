/** A collector of OpenTelemetry: an HTTP server that keeps what exporters send. */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"

export interface Collector {
  readonly url: string
  /** The path and the body of each request. */
  readonly bodies: Array<string>
  readonly close: () => void
  /** The bodies of a path, parsed. */
  readonly requests: (path: string) => ReadonlyArray<any>
}

export const collector: Effect.Effect<Collector, never, Scope.Scope> = Effect.acquireRelease(
  Effect.callback<Collector>((resume) => {
    const bodies: Array<string> = []
    const server = createServer((request, response) => {
      let body = ""
      request.setEncoding("utf8").on("data", (text) => body += text)
      request.on("end", () => {
        bodies.push(`${request.url} ${body}`)
        response.end("{}")
      })
    })
    server.listen(0, "127.0.0.1", () => {
      resume(Effect.succeed({
        url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
        bodies,
        close: () => {
          server.closeAllConnections()
          server.close()
        },
        requests: (path) =>
          bodies.filter((body) => body.startsWith(`${path} `)).map((body) => JSON.parse(body.slice(path.length)))
      }))
    })
  }),
  ({ close }) => Effect.sync(close)
)

/** A span as it was exported. */
export interface Span {
  readonly name: string
  readonly traceId: string
  readonly spanId: string
  readonly parentSpanId?: string
  readonly attributes: Readonly<Record<string, string | number>>
  readonly events: ReadonlyArray<{ readonly name: string; readonly attributes: Span["attributes"] }>
  /** 1: ok, 2: error. */
  readonly status: { readonly code: number }
}

interface KeyValue {
  readonly key: string
  readonly value: { readonly stringValue?: string; readonly intValue?: number | string }
}

const attributesOf = (attributes: ReadonlyArray<KeyValue>): Span["attributes"] =>
  Object.fromEntries(
    attributes.map(({ key, value }) => [key, value.stringValue ?? Number(value.intValue)])
  )

/** The spans that a collector has. */
export const spansOf = ({ requests }: Collector): ReadonlyArray<Span> =>
  requests("/v1/traces").flatMap(({ resourceSpans }) =>
    resourceSpans.flatMap(({ scopeSpans }: any) => scopeSpans.flatMap(({ spans }: any) => spans))
  ).map((span) => ({
    ...span,
    attributes: attributesOf(span.attributes),
    events: span.events.map(({ attributes, name }: any) => ({ name, attributes: attributesOf(attributes) }))
  }))
