/** The packed history of a recording. The header of `src/internal/recorder/pack.ts` describes its bytes. */

import type { HistoryHeader } from "../src/internal/recorder/model.ts"

/** Where the time of a worker went, in columns over the whole run. */
export interface WorkerHistory {
  readonly name: string
  /** Shares of its slots' time, 0 to 1, by type. */
  readonly types: ReadonlyArray<{ readonly type: number; readonly shares: Float32Array }>
  readonly failures: Float32Array
}

export interface History {
  /** Milliseconds of a column. */
  readonly width: number
  readonly columns: number
  readonly workers: ReadonlyArray<WorkerHistory>
}

const ALL = 65_535

export const parseHistory = (bytes: Uint8Array): History => {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const length = view.getUint32(0, true)
  const header: HistoryHeader = JSON.parse(new TextDecoder().decode(bytes.subarray(4, 4 + length)))
  const { columns, types, width, workers } = header
  let at = Math.ceil((4 + length) / 8) * 8
  const take = (factor: number): Float32Array => {
    const values = new Float32Array(columns)
    for (let i = 0; i < columns; i++, at += 2) values[i] = view.getUint16(at, true) / factor
    return values
  }
  return {
    width,
    columns,
    workers: workers.map((worker) => ({
      name: worker.name,
      types: worker.types.map((type) => ({ type: type < 0 ? types.length : type, shares: take(ALL) })),
      failures: take(1)
    }))
  }
}
