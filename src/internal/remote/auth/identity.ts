/**
 * The identity of a process, its role and its worker group, and how TLS-PSK proves it: the key of a connection is
 * derived from the shared secret and the identity, so that no certificate is needed. The client also sends the id of its
 * secret, by which a server that accepts several finds the right one.
 *
 * Must stay true: the holder of the key of one identity cannot derive that of another. An identity crosses the wire in
 * clear and is no secret. A refused peer cannot tell an unknown group from a wrong secret. See
 * docs/internals/security.md.
 */
import { constants, hkdfSync, randomBytes } from "node:crypto"
import type * as Tls from "node:tls"
import * as Secret from "./secret.ts"

// ----------------------------------------------------------------------------
// Identities
// ----------------------------------------------------------------------------

export type Role = "worker" | "client" | "operator"

export interface Identity {
  readonly role: Role
  /** `*` for an operator, which belongs to no group and may read the state of all. */
  readonly group: string
}

const GROUP = /^[A-Za-z0-9._-]{1,64}$/

/** Whether a worker group may have this name: 1 to 64 letters, digits, `.`, `_` or `-`. */
export const isGroup = (name: string): boolean => GROUP.test(name)

export const operator: Identity = { role: "operator", group: "*" }

/** As text, `role/group`. */
export const format = ({ group, role }: Identity): string => `${role}/${group}`

export const parse = (text: string): Identity | undefined => {
  if (text === "operator/*") return operator
  const slash = text.indexOf("/")
  const role = text.slice(0, slash)
  const group = text.slice(slash + 1)
  return (role === "worker" || role === "client") && isGroup(group) ? { role, group } : undefined
}

// ----------------------------------------------------------------------------
// Keys
// ----------------------------------------------------------------------------

/** HKDF-SHA256, 32 bytes. */
const derive = (bytes: Uint8Array, info: string): Buffer => Buffer.from(hkdfSync("sha256", bytes, "papyros", info, 32))

/** The id of a secret, 64 bits as hex. It is sent in clear, and tells nothing about the secret. */
const idOf = (bytes: Uint8Array): string => derive(bytes, "id").toString("hex", 0, 8)

/**
 * The identity and the key with which a client connects, by its first secret. A secret that `Secret.parse` refuses is a
 * defect.
 */
export const clientKey = (
  secret: Secret.Secret,
  identity: Identity
): { readonly identity: string; readonly psk: Buffer } => {
  const [bytes] = Secret.bytesOf(secret)
  const name = format(identity)
  return { identity: `${name}/${idOf(bytes)}`, psk: derive(bytes, name) }
}

/**
 * The server's key for the identity that a client claims, `role/group/id`, by any of its secrets. A claim that is
 * malformed or not accepted gets a key that no client has: its handshake fails exactly as with a wrong secret, which
 * hides which groups exist.
 */
export const serverKeys = (secret: Secret.Secret, accepts: (identity: Identity) => boolean) => {
  const secrets = new Map(Secret.bytesOf(secret).map((bytes) => [idOf(bytes), bytes]))
  const unknown = randomBytes(32)
  return (claimed: string): { readonly identity: Identity | undefined; readonly key: Buffer } => {
    const slash = claimed.lastIndexOf("/")
    const name = claimed.slice(0, slash)
    const bytes = secrets.get(claimed.slice(slash + 1))
    const parsed = parse(name)
    return bytes === undefined || parsed === undefined || !accepts(parsed)
      ? { identity: undefined, key: derive(unknown, claimed) }
      : { identity: parsed, key: derive(bytes, name) }
  }
}

// ----------------------------------------------------------------------------
// TLS
// ----------------------------------------------------------------------------

/**
 * TLS 1.2, because Node offers PSK in TLS 1.3 to neither side. Only suites with ephemeral keys: a secret that leaks
 * decrypts no recorded connection.
 */
export const tlsOptions = {
  ciphers: "ECDHE-PSK-CHACHA20-POLY1305:ECDHE-PSK-AES256-CBC-SHA384:ECDHE-PSK-AES128-CBC-SHA256",
  minVersion: "TLSv1.2",
  maxVersion: "TLSv1.2",
  // A resumed session skips the PSK callback, so its identity would be unknown. Renegotiation costs a server work.
  secureOptions: constants.SSL_OP_NO_TICKET | constants.SSL_OP_NO_RENEGOTIATION
} as const satisfies Tls.SecureContextOptions
