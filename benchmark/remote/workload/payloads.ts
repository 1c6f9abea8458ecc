/** Payloads that are sent and returned: bytes and texts. Each begins with its number. Imports nothing but the tally. */
import { Tally } from "../../harness/tally.ts"

export type Payload = Uint8Array | string

const BYTES = 64 * 1024
const CHARACTERS = 20_000

const FILLER = "The quick brown fox jumps over the lazy dog. ".repeat(CHARACTERS / 40)

export const makeBytes = (n: number): Payload => {
  const bytes = new Uint8Array(BYTES).fill(n)
  new DataView(bytes.buffer).setUint32(0, n)
  return bytes
}

export const makeText = (n: number): Payload => `${n} ${FILLER}`.slice(0, CHARACTERS)

/** The number of a payload; `NaN` if it has another size. */
export const numberOf = (payload: Payload): number => {
  if (typeof payload === "string") return payload.length === CHARACTERS ? Number(payload.split(" ", 1)[0]) : NaN
  if (payload.length !== BYTES) return NaN
  return new DataView(payload.buffer, payload.byteOffset, payload.byteLength).getUint32(0)
}

/** The workload of sending the payloads with the numbers from 1 to `tasks`, and returning them. */
export const payloadsWorkload = (tasks: number) => ({ tasks, expected: Tally.ofRange(1, tasks) })
