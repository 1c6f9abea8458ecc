/** Addresses as people write them: `host:port`, `[::1]:port`. */
import * as Option from "effect/Option"

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
