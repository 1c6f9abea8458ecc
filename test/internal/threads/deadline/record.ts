/** The record of each task that threads keep, in memory that they share with the test: a file would be too slow. */
import { getEnvironmentData, setEnvironmentData } from "node:worker_threads"

const KEY = "papyros/test/deadline"

export class Record {
  private readonly begun: Int32Array<SharedArrayBuffer>
  private readonly ended: Int32Array<SharedArrayBuffer>
  private readonly cut: Int32Array<SharedArrayBuffer>
  private readonly stops: Float64Array<SharedArrayBuffer>

  private constructor(shared: SharedArrayBuffer) {
    const tasks = shared.byteLength / 20
    this.stops = new Float64Array(shared, 0, tasks)
    this.begun = new Int32Array(shared, tasks * 8, tasks)
    this.ended = new Int32Array(shared, tasks * 12, tasks)
    this.cut = new Int32Array(shared, tasks * 16, tasks)
  }

  /** For so many tasks; threads that are started from now on find it. */
  static make(tasks: number): Record {
    const shared = new SharedArrayBuffer(tasks * 20)
    setEnvironmentData(KEY, shared)
    return new Record(shared)
  }

  /** That of the test that started this thread. */
  static find(): Record {
    const shared = getEnvironmentData(KEY)
    if (!(shared instanceof SharedArrayBuffer)) throw new Error("no record was made before the thread was started")
    return new Record(shared)
  }

  started(id: number): void {
    if (this.starts(id) > this.finishes(id)) Atomics.add(this.cut, id, 1)
    Atomics.add(this.begun, id, 1)
  }

  starts(id: number): number {
    return Atomics.load(this.begun, id)
  }

  /** Starts after one that had not come to its end. */
  restarts(id: number): number {
    return Atomics.load(this.cut, id)
  }

  finished(id: number): void {
    Atomics.add(this.ended, id, 1)
  }

  finishes(id: number): number {
    return Atomics.load(this.ended, id)
  }

  /** It was interrupted so many milliseconds after its start. */
  interrupted(id: number, millis: number): void {
    this.stops[id] = millis
  }

  /** 0 if it was not. */
  interruptedAfter(id: number): number {
    return this.stops[id]
  }
}
