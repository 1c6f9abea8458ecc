/**
 * The functions that tasks of the pool suite run: in the worker threads of every competitor, and in this process to
 * compute the expected results.
 *
 * This module imports nothing, so that the startup time of a worker is that of its library.
 */

/** A computation of a fixed number of iterations: it takes the same CPU time on a busy and on an idle machine. */
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

export type FunctionName = keyof Payloads

export const inc = (n: number): number => n + 1

/** Iterates xorshift from a seed that is not 0. The result depends on every iteration, so V8 cannot drop any. */
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

/** Increments the number in the first four bytes, and returns the same bytes. */
export const echo = <Bytes extends Uint8Array>(bytes: Bytes): Bytes => {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  view.setUint32(0, view.getUint32(0) + 1)
  return bytes
}
