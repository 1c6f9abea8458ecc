/**
 * The records by which a side with a secret and one without recognize each other: a server without a secret that
 * receives a TLS handshake, and a server with one that receives a message in clear, both answer with a TLS alert.
 */

/** Whether this is the start of a TLS handshake. */
export const isHandshake = (bytes: Uint8Array): boolean => bytes[0] === 0x16 && bytes[1] === 0x03

/** Whether this is the start of a TLS alert. */
export const isAlert = (bytes: Uint8Array): boolean => bytes[0] === 0x15 && bytes[1] === 0x03

/** The alert of a handshake that has failed. */
export const HANDSHAKE_FAILURE = new Uint8Array([0x15, 0x03, 0x03, 0, 2, 2, 40])
