/**
 * TLS by a shared secret: both sides prove that they have it, and nobody needs a
 * certificate. 1.2 and not 1.3, whose PSK Node offers to neither side; only suites
 * with ephemeral keys, so a secret that leaks later opens no recording.
 */
import { constants, randomBytes } from "node:crypto"
import type * as Tls from "node:tls"
import * as Identity from "./identity.ts"
import * as Secret from "./secret.ts"

export const options = {
  ciphers: "ECDHE-PSK-CHACHA20-POLY1305:ECDHE-PSK-AES256-CBC-SHA384:ECDHE-PSK-AES128-CBC-SHA256",
  minVersion: "TLSv1.2",
  maxVersion: "TLSv1.2",
  // A resumed session would skip the identity; a renegotiated one is work for nothing.
  secureOptions: constants.SSL_OP_NO_TICKET | constants.SSL_OP_NO_RENEGOTIATION
} as const satisfies Tls.SecureContextOptions

/**
 * The key of what a peer says it is. Who is unknown or not accepted gets a key too, which nobody has: its
 * handshake fails like that of a wrong secret, so that nobody can find out which groups there are.
 */
export const keys = (secret: Secret.Secret, accepts: (identity: Identity.Identity) => boolean) => {
  const keyOf = Secret.keysOf(secret)
  const nobodys = randomBytes(32)
  return (said: string): { readonly identity: Identity.Identity | undefined; readonly key: Buffer } => {
    const parsed = Identity.parse(said)
    const identity = parsed !== undefined && accepts(parsed) ? parsed : undefined
    const key = identity === undefined ? Secret.derive(nobodys, said) : keyOf(identity)
    return { identity, key }
  }
}
