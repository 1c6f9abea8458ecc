/**
 * The payloads of `papyros run`: the tasks of its NDJSON input, and how many there are.
 */
import * as Effect from "effect/Effect"
import type * as PlatformError from "effect/PlatformError"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import type * as Task from "../Task.ts"
import { explain, type TaskJson } from "./json.ts"
import * as Lines from "./lines.ts"

/** The longest line, in MiB. */
const MAX_LINE = 64

interface Options {
  readonly name: string
  readonly json: TaskJson
  /** The name of the input in messages. */
  readonly input: string
  readonly inFlight: Lines.InFlight
  readonly onRead: () => void
}

/** The tasks of an NDJSON input. Fails at the first line that is no payload, after the tasks before it. */
export const fromBytes = <R>(
  bytes: Stream.Stream<Uint8Array, PlatformError.PlatformError, R>,
  { inFlight, input, json, name, onRead }: Options
): Stream.Stream<Task.Any, Lines.InputError | PlatformError.PlatformError, R> =>
  Lines.fromBytes(bytes, {
    input,
    inFlight,
    maxLine: MAX_LINE,
    parse: (payload) => {
      const task = json.decodePayload(tagged(payload, name))
      return task._tag === "Success"
        ? Result.succeed(task.value as Task.Any)
        : Result.fail(`the line is not the payload of a ${name}: ${Lines.oneLine(explain(task.cause))}`)
    },
    onLine: onRead
  })

/** A payload of the task, whose name it may leave out. */
const tagged = (json: unknown, name: string): unknown =>
  typeof json !== "object" || json === null || Array.isArray(json) || Object.hasOwn(json, "_tag")
    ? json
    : Object.assign(json, { _tag: name })

const NEWLINE = 0x0a
const BLANK = new Set([0x09, 0x0d, 0x20])

/** The number of payloads, which is that of the lines that are not blank. It is not a number if reading fails. */
export const count = <E, R>(bytes: Stream.Stream<Uint8Array, E, R>): Effect.Effect<number, never, R> =>
  Effect.suspend(() => {
    let lines = 0
    // Whether the line that has begun is counted.
    let counted = false
    const add = (chunk: Uint8Array): void => {
      for (let at = 0; at < chunk.length;) {
        if (!counted) {
          while (BLANK.has(chunk[at])) at++
          if (at === chunk.length) return
          if (chunk[at] !== NEWLINE) {
            counted = true
            lines++
          }
        }
        const newline = chunk.indexOf(NEWLINE, at)
        if (newline === -1) return
        counted = false
        at = newline + 1
      }
    }
    return Stream.runForEachArray(bytes, (chunks) => Effect.sync(() => chunks.forEach(add))).pipe(
      Effect.match({ onFailure: () => NaN, onSuccess: () => lines })
    )
  })
