/**
 * Serves a dashboard on a port of its own.
 *
 * Must stay true: a dashboard that other hosts can reach has a token. The token stands in no log: it is in the fragment
 * of the URL, which browsers never send.
 */
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as Net from "node:net"
import * as Os from "node:os"
import { createSecureContext } from "node:tls"
import * as Address from "../address.ts"
import { describe } from "../describe.ts"
import { describeNetworkError } from "../networkError.ts"
import type { ViewedRecording } from "../recorder/recording.ts"
import * as Access from "./access.ts"
import * as App from "./app.ts"
import * as Feed from "./feed.ts"
import * as Server from "./server.ts"

/** The address is in use, or this host does not have it. */
class CannotListen extends Schema.TaggedError<CannotListen>("papyros/CannotListen")("CannotListen", {
  address: Schema.String,
  cause: Schema.Defect()
}) {
  override get message(): string {
    return `${this.address}: cannot listen: ${describeNetworkError(this.cause)}. Choose another host or port.`
  }
}

/** The token has less than 128 bits, or there is none and other hosts can reach the address. */
class NeedsToken extends Schema.TaggedError<NeedsToken>("papyros/NeedsToken")("NeedsToken", {
  address: Schema.String,
  /** Of the token; absent if there is none. */
  characters: Schema.UndefinedOr(Schema.Int)
}) {
  override get message(): string {
    const { address, characters } = this
    const needed = `at least ${MIN_TOKEN} characters, as \`papyros secret\` makes one`
    if (characters !== undefined) {
      return `The token of the dashboard on ${address} has ${characters} characters: give one of ${needed}.`
    }
    return `${address} can be reached from other hosts, and the dashboard has no token: give a token of ${needed}, or ` +
      "listen on 127.0.0.1."
  }
}

/** The key and the certificate are no PEM, or do not belong together. */
class InvalidTls extends Schema.TaggedError<InvalidTls>("papyros/InvalidTls")("InvalidTls", {
  cause: Schema.Defect()
}) {
  override get message(): string {
    return `The \`key\` and the \`cert\` of \`tls\` cannot be used: ${describe(this.cause)}`
  }
}

/** A dashboard cannot start. The tagged `reason` says why, for `Effect.catchReason`. */
export class DashboardError extends Schema.TaggedError<DashboardError>("papyros/DashboardError")("DashboardError", {
  reason: Schema.Union([CannotListen, NeedsToken, InvalidTls])
}) {
  override get message(): string {
    return this.reason.message
  }

  override readonly cause = this.reason
}

/** 128 bits as base64. */
const MIN_TOKEN = 22

export interface ServeOptions {
  readonly host: string
  readonly port: number
  readonly token?: Redacted.Redacted<string> | undefined
  readonly tls?: Server.Tls | undefined
  readonly hosts?: ReadonlyArray<string> | undefined
  readonly metrics?: boolean | undefined
}

const isLocal = (host: string): boolean => host === "localhost" || (Net.isIP(host) !== 0 && Address.isLoopback(host))

const interfaces = (): ReadonlyArray<Os.NetworkInterfaceInfo> =>
  Object.values(Os.networkInterfaces()).flatMap((all = []) => all)

/** The names of the host in URLs. A loopback address has the names of loopback too. */
const namesOf = (host: string): ReadonlyArray<string> => {
  const own = Address.isUnspecified(host) ? interfaces().map(({ address }) => address) : [host]
  const local = isLocal(host) || Address.isUnspecified(host) ? ["localhost", "127.0.0.1", "::1"] : []
  return [...own, ...local].map((name) => Net.isIPv6(name) ? `[${name}]` : name)
}

/** The host in the URL: of `0.0.0.0` and `::` an address that other hosts can reach, since no browser should be sent there. */
const hostOfUrl = (host: string): string => {
  if (!Address.isUnspecified(host)) return host
  const own = interfaces().filter(({ address, family, internal }) =>
    !internal && (family === "IPv4" || (Net.isIPv6(host) && !address.startsWith("fe80:")))
  )
  const found = own.find(({ family }) => family === "IPv4") ?? own[0]
  return found?.address ?? (Net.isIPv6(host) ? "::1" : "127.0.0.1")
}

/** Serves until the scope closes. Returns the URL of the page, with the token in its fragment. */
export const serve = Effect.fnUntraced(function*(
  recording: ViewedRecording,
  options: ServeOptions
): Effect.fn.Return<string, DashboardError, Scope.Scope> {
  const { host, port, tls, token } = options
  const address = Address.format({ host, port })
  const characters = token === undefined ? undefined : Redacted.value(token).length
  const isPublic = !isLocal(host)
  if (characters === undefined ? isPublic : characters < MIN_TOKEN) {
    return yield* new DashboardError({ reason: new NeedsToken({ address, characters }) })
  }
  if (tls !== undefined) {
    yield* Effect.try({
      try: () => createSecureContext({ key: tls.key, cert: tls.cert }),
      catch: (cause) => new DashboardError({ reason: new InvalidTls({ cause }) })
    })
  }
  const server = yield* Effect.mapError(
    Server.listen({ host, port }, tls),
    ({ cause }) => new DashboardError({ reason: new CannotListen({ address, cause }) })
  )
  const scheme = tls === undefined ? "http" : "https"
  const url = `${scheme}://${Address.format({ host: hostOfUrl(host), port: server.port })}/`
  const feed = yield* Feed.make(recording)
  const app = yield* App.make({
    recording,
    feed,
    hosts: new Access.Hosts(namesOf(host), server.port, tls === undefined ? 80 : 443, options.hosts),
    login: token === undefined ? undefined : {
      sessions: new Access.Sessions(token),
      cookie: `papyros-${server.port}`,
      secure: tls !== undefined
    },
    metrics: options.metrics === true
  })
  yield* server.serve(app)
  // Runs before the server closes, so that viewers learn of the end.
  yield* Effect.addFinalizer(() => feed.close)
  if (isPublic && tls === undefined) {
    yield* Effect.logWarning(
      `The dashboard on ${address} sends its token and its figures unencrypted. Give the option \`tls\` of ` +
        "Dashboard.layer, or listen on 127.0.0.1 and reach the dashboard by " +
        `\`ssh -L ${server.port}:127.0.0.1:${server.port} HOST\`.`
    )
  }
  return token === undefined ? url : `${url}#${encodeURIComponent(Redacted.value(token))}`
})
