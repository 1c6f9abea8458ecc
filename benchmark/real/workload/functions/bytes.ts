/** Hashes and compressed forms of bytes, by Node. */
import { createHash } from "node:crypto"
import { gzipSync } from "node:zlib"

export interface Bytes {
  readonly bytes: Uint8Array
}

export const hash = ({ bytes }: Bytes): string => createHash("sha256").update(bytes).digest("hex")

export const compress = ({ bytes }: Bytes): Uint8Array => gzipSync(bytes)
