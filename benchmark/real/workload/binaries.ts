/** Payloads of bytes: text that compresses as text does, and PNG images. */
import { crc32, deflateSync } from "node:zlib"
import { Random } from "./random.ts"

/** Text of exactly `size` bytes. */
export const text = (seed: number, size: number): Uint8Array => {
  const random = new Random(seed)
  const parts: Array<string> = []
  for (let length = 0; length < size; length += parts.at(-1)!.length) {
    parts.push(`${random.below(1e9)} ${random.words(12)}\n`)
  }
  return Uint8Array.from(Buffer.from(parts.join("").slice(0, size), "latin1"))
}

/** An image of grey gradients, from left to right, with a little noise. It compresses to a fifth. */
export const png = (seed: number, width: number, height: number): Uint8Array => {
  const random = new Random(seed)
  const pixels = new Uint8Array(height * (1 + 3 * width))
  for (let y = 0, at = 0; y < height; y++) {
    // The row has filter 1: a byte is the difference to the same channel of the pixel before.
    pixels[at++] = 1
    for (let x = 0, before = -seed; x < width; x++) {
      const noise = random.below(8)
      pixels.fill(1 + noise - before, at, at += 3)
      before = noise
    }
  }
  const header = new DataView(new ArrayBuffer(13))
  header.setUint32(0, width)
  header.setUint32(4, height)
  // 8 bits a channel, RGB; no other options.
  header.setUint16(8, 0x0802)
  return Uint8Array.from(Buffer.concat([
    Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a),
    pngChunk("IHDR", new Uint8Array(header.buffer)),
    pngChunk("IDAT", deflateSync(pixels)),
    pngChunk("IEND", new Uint8Array())
  ]))
}

/** Length, type and data of a chunk, and the checksum of type and data. */
const pngChunk = (type: string, data: Uint8Array): Uint8Array => {
  const chunk = Buffer.alloc(12 + data.length)
  chunk.writeUInt32BE(data.length)
  chunk.write(type, 4, "latin1")
  chunk.set(data, 8)
  chunk.writeUInt32BE(crc32(chunk.subarray(4, -4)), chunk.length - 4)
  return chunk
}
