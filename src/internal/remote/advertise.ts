/**
 * The address by which clients reach a worker: the one that it is told to advertise, else the one on which it listens.
 *
 * Must stay true: no address is advertised that means "all addresses of this host". For a worker that listens on all of
 * them, the only address of the host is advertised; if there are several, the worker does not start.
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Net from "node:net"
import * as Os from "node:os"
import * as Address from "../address.ts"
import { RemoteError, Unreachable } from "./transport/error.ts"

export interface Advertised {
  readonly host: string
  /** `undefined`: the port on which the worker listens. */
  readonly port: number | undefined
}

/** `host`, `host:port` or `[v6]:port`. */
export const parse = (text: string): Option.Option<Advertised> => {
  const host = text.trim()
  const found: Option.Option<Advertised> = Net.isIPv6(host) || /^[^\s:/[\]]+$/.test(host)
    ? Option.some({ host, port: undefined })
    : Address.parse(host)
  return Option.filter(found, ({ host }) => !Address.isUnspecified(host))
}

/** The address of the option `advertise`, or its default. */
export const advertised = (
  host: string,
  advertise: string | undefined,
  interfaces: () => ReturnType<typeof Os.networkInterfaces> = Os.networkInterfaces
): Effect.Effect<Advertised, RemoteError> =>
  Effect.suspend(() => {
    if (advertise !== undefined) {
      return Effect.succeed(Option.getOrThrowWith(
        parse(advertise),
        () =>
          new RangeError(
            `advertise must be host or host:port by which clients reach this worker, got ${JSON.stringify(advertise)}`
          )
      ))
    }
    if (!Address.isUnspecified(host)) return Effect.succeed({ host, port: undefined })
    const addresses = Object.values(interfaces()).flat().filter((address) =>
      address !== undefined && !address.internal && !address.address.startsWith("fe80:")
    )
    const hosts = (["IPv4", "IPv6"] as const).map((family) =>
      addresses.flatMap((one) =>
        one?.family === family && (host !== "0.0.0.0" || family === "IPv4") ? [one.address] : []
      )
    ).find((hosts) => hosts.length > 0) ?? []
    if (hosts.length === 1) {
      return Effect.succeed({ host: hosts[0], port: undefined })
    }
    const which = hosts.length === 0 ? "has no address of a network" : `has several addresses: ${hosts.join(", ")}`
    return Effect.fail(
      new RemoteError({
        reason: new Unreachable({
          address: host,
          message: `clients cannot connect to it, and this host ${which}. Say with advertise (--advertise) by which ` +
            "host or host:port clients reach this worker."
        })
      })
    )
  })
