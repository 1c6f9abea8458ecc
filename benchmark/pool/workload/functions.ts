/**
 * What the tasks of the suite do, as plain functions: the same ones run in the
 * worker threads of everybody, and in this process to know what is to be delivered.
 *
 * Imports nothing, so that a worker's start is that of its library.
 */

/** Work that keeps a CPU busy for as long as it says, whatever else the machine does. */
export interface Spin {
  readonly seed: number
  readonly iterations: number
}

/** An object of 10 KB. */
export interface Table {
  readonly id: number
  readonly kind: string
  readonly rows: ReadonlyArray<{
    readonly a: number
    readonly name: string
    readonly ok: boolean
    readonly f: number
  }>
}

export interface Payloads {
  readonly inc: number
  readonly spin: Spin
  readonly sum: Table
  readonly echo: Uint8Array<ArrayBuffer>
}

export type WorkName = keyof Payloads

export const inc = (n: number): number => n + 1

/** Iterations of xorshift, from a seed that is not 0; the result depends on all of them. */
export const spin = ({ iterations, seed }: Spin): number => {
  let x = seed
  for (let i = 0; i < iterations; i++) {
    x ^= x << 13
    x ^= x >>> 17
    x ^= x << 5
  }
  return (x ^ (x >>> 16)) & 0xffff
}

export const sum = ({ rows }: Table): number => {
  let total = 0
  for (const { a } of rows) total += a
  return total
}

/** Gives the bytes back, the number in their first four raised by one. */
export const echo = <Bytes extends Uint8Array>(bytes: Bytes): Bytes => {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  view.setUint32(0, view.getUint32(0) + 1)
  return bytes
}
