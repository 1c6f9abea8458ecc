/**
 * Payloads and results of a request that another process encoded: the thread decodes the payloads and encodes the results
 * itself, so that the main thread between them only passes bytes on.
 *
 * Must stay true: all payloads are decoded before a task of them starts. Results that are large, or cannot be encoded
 * together, go to the main thread as they are, which refuses each alone.
 */
import type * as TaskGroup from "../../../TaskGroup.ts"
import { type CodecError, toCodecError } from "../../encoding/codec.ts"
import type { TaskCodecs } from "../../encoding/wire/taskCodecs.ts"
import type * as Task from "../../task.ts"
import type { EncodedPayloads } from "../protocol/messages.ts"

/** The most bytes of results that are sent together. Clients take several times as much. */
const MAX_BYTES = 256 * 1024

export class EncodedTasks {
  private readonly group: TaskGroup.Any
  private readonly make: (task: Task.AnyClass) => TaskCodecs
  private readonly codecs = new Map<string, TaskCodecs>()

  constructor(group: TaskGroup.Any, make: (task: Task.AnyClass) => TaskCodecs) {
    this.group = group
    this.make = make
  }

  decode(name: string, { bytes, count }: EncodedPayloads): ReadonlyArray<unknown> | CodecError {
    try {
      return this.of(name).payload.decode(bytes, count)
    } catch (error) {
      return toCodecError(error)
    }
  }

  encode(name: string, results: ReadonlyArray<unknown>): Uint8Array | undefined {
    try {
      const bytes = this.of(name).success.encode(results, MAX_BYTES)
      return typeof bytes === "number" || bytes.length > MAX_BYTES ? undefined : bytes
    } catch {
      return undefined
    }
  }

  private of(name: string): TaskCodecs {
    let codecs = this.codecs.get(name)
    if (codecs === undefined) this.codecs.set(name, codecs = this.make(this.group.tasks.get(name)!))
    return codecs
  }
}
