/**
 * Network addresses as people write them: `host:port`, and `[::1]:port` for IPv6. Every address of a peer, a worker or
 * a name server is parsed and printed here.
 *
 * Must stay true: `parse` reads what `format` prints. Workers are known by their printed address.
 */
import * as Option from "effect/Option"
import type * as Net from "node:net"

export interface Address {
  readonly host: string
  readonly port: number
}

export const parse = (text: string): Option.Option<Address> => {
  const [, v6, name, digits] = /^(?:\[([0-9a-fA-F:.]+)\]|([^\s:/[\]]+)):(\d{1,5})$/.exec(text.trim()) ?? []
  const host = v6 ?? name
  const port = Number(digits)
  return host === undefined || port < 1 || port > 65_535 ? Option.none() : Option.some({ host, port })
}

export const format = ({ host, port }: Address): string => host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`

/** The other end of a socket. A socket that is closed has none. */
export const formatRemote = ({ remoteAddress, remotePort }: Net.Socket): string =>
  remoteAddress === undefined || remotePort === undefined
    ? "a closed connection"
    : format({ host: remoteAddress, port: remotePort })
