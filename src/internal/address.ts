/**
 * Network addresses as people write them: `host:port`, and `[::1]:port` or `[fe80::1%eth0]:port` for IPv6. Every address of a peer, a worker or
 * a name server is parsed and printed here.
 *
 * Must stay true: `parse` reads the text that `format` prints. Workers are known by their printed address.
 */
import * as Option from "effect/Option"
import * as Net from "node:net"

export interface Address {
  readonly host: string
  readonly port: number
}

export const parse = (text: string): Option.Option<Address> => {
  const [, v6, name, digits] = /^(?:\[([0-9a-fA-F:.]+(?:%[\w.~-]+)?)\]|([^\s:/[\]]+)):(\d{1,5})$/.exec(text.trim()) ??
    []
  const host = v6 ?? name
  const port = Number(digits)
  return host === undefined || port < 1 || port > 65_535 ? Option.none() : Option.some({ host, port })
}

export const format = ({ host, port }: Address): string => host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`

/** The zone of an IPv6 address, such as `%eth0`. */
const ZONE = /%.*$/

const loopback = new Net.BlockList()
loopback.addSubnet("127.0.0.0", 8, "ipv4")
loopback.addAddress("::1", "ipv6")

/** Whether only processes of this machine can have the IP address. */
export const isLoopback = (ip: string | undefined): boolean =>
  ip !== undefined && loopback.check(ip.replace(ZONE, ""), Net.isIPv6(ip) ? "ipv6" : "ipv4")

/** Whether it means all addresses of this host. */
export const isUnspecified = (host: string): boolean => host === "0.0.0.0" || (Net.isIPv6(host) && /^[0:]+$/.test(host))

/**
 * The source of a connection, for limits: an IPv4 address, or the /64 network of an IPv6 address, of which one machine
 * can have all addresses.
 */
export const sourceOf = (ip: string): string => {
  const v4 = /^::ffff:([0-9.]+)$/i.exec(ip)?.[1]
  if (v4 !== undefined || !ip.includes(":")) return v4 ?? ip
  const [head, tail] = ip.replace(ZONE, "").split("::").map((part) => part === "" ? [] : part.split(":"))
  const zeros = tail === undefined ? 0 : 8 - head.length - tail.length
  return [...head, ...Array.from({ length: zeros }, () => "0"), ...tail ?? []].slice(0, 4).join(":")
}

/** Both ends of a socket. */
export const formatEnds = ({ localAddress, localPort, remoteAddress, remotePort }: Net.Socket): string =>
  `${localAddress} ${localPort} ${remoteAddress} ${remotePort}`

/** The other end of a socket. A socket that is closed has none. */
export const formatRemote = ({ remoteAddress, remotePort }: Net.Socket): string =>
  remoteAddress === undefined || remotePort === undefined
    ? "a closed connection"
    : format({ host: remoteAddress, port: remotePort })
