/**
 * The messages of a session as bytes: first the message in the format of effect/encoding/SchemaBinary, with the lengths
 * of payloads and results in their places, and then these payloads and results as they are, so that large ones are not
 * copied.
 *
 * Must stay true: the messages of a peer are decoded by the schemas of messages.ts, and the lengths are those of the bytes
 * that follow, all of which are taken. Decoded payloads and results are views of the given bytes.
 */
import * as SchemaBinary from "effect/encoding/SchemaBinary"
import * as Schema from "effect/Schema"
import { Buffer } from "node:buffer"
import { ChunkOutcomes, Commands, Events, RunCommand } from "./messages.ts"

const Lengths = Schema.Array(Schema.Number)

const CommandsWithoutPayloads = Schema.Struct({
  ...Commands.fields,
  runs: Schema.Array(Schema.Struct({ ...RunCommand.fields, payloads: Lengths }))
})

const EventsWithoutValues = Schema.Struct({
  ...Events.fields,
  outcomes: Schema.Array(Schema.Struct({ ...ChunkOutcomes.fields, values: Lengths }))
})

const options = { fingerprint: true }

const codecOf = <S extends Schema.Codec<unknown, unknown>>(schema: S) => ({
  encode: SchemaBinary.encoder(schema, options).encode as (value: S["Type"]) => Uint8Array,
  decode: Schema.decodeUnknownSync(SchemaBinary.toCodec(schema, options)) as (bytes: Uint8Array) => S["Type"]
})

const commandsCodec = codecOf(CommandsWithoutPayloads)
const eventsCodec = codecOf(EventsWithoutValues)

/** The parts of a message. */
type Parts = ReadonlyArray<Uint8Array>

export const encodeCommands = (commands: typeof Commands.Type): Parts => {
  const parts = new PartsWriter()
  const runs = commands.runs.map((run) => ({ ...run, payloads: parts.add(run.payloads) }))
  return parts.after(commandsCodec.encode({ ...commands, runs }))
}

/** Throws for bytes that are not such a message. */
export const decodeCommands = (bytes: Uint8Array): typeof Commands.Type => {
  const parts = new PartsReader(bytes)
  const commands = commandsCodec.decode(parts.first)
  const runs = commands.runs.map((run) => ({ ...run, payloads: parts.take(run.payloads) }))
  parts.end()
  return { ...commands, runs }
}

export const encodeEvents = (events: typeof Events.Type): Parts => {
  const parts = new PartsWriter()
  const outcomes = events.outcomes.map((ofChunk) => ({ ...ofChunk, values: parts.add(ofChunk.values) }))
  return parts.after(eventsCodec.encode({ ...events, outcomes }))
}

/** Throws for bytes that are not such a message. */
export const decodeEvents = (bytes: Uint8Array): typeof Events.Type => {
  const parts = new PartsReader(bytes)
  const events = eventsCodec.decode(parts.first)
  const outcomes = events.outcomes.map((ofChunk) => ({ ...ofChunk, values: parts.take(ofChunk.values) }))
  parts.end()
  return { ...events, outcomes }
}

/** The bytes of the length of the first part. */
const LENGTH_BYTES = 4

class PartsWriter {
  private readonly parts: Array<Uint8Array> = []

  /** Returns their lengths. */
  add(parts: Parts): ReadonlyArray<number> {
    return parts.map((part) => {
      if (part.length > 0) this.parts.push(part)
      return part.length
    })
  }

  after(first: Uint8Array): Parts {
    const length = Buffer.allocUnsafe(LENGTH_BYTES)
    length.writeUInt32LE(first.length)
    return [length, first, ...this.parts]
  }
}

class PartsReader {
  readonly first: Uint8Array
  private readonly bytes: Uint8Array
  private at: number

  constructor(bytes: Uint8Array) {
    if (bytes.length < LENGTH_BYTES) throw malformed()
    this.bytes = bytes
    this.at = LENGTH_BYTES
    this.first = this.next(new DataView(bytes.buffer, bytes.byteOffset, LENGTH_BYTES).getUint32(0, true))
  }

  take(lengths: ReadonlyArray<number>): Parts {
    return lengths.map((length) => this.next(length))
  }

  end(): void {
    if (this.at !== this.bytes.length) throw malformed()
  }

  private next(length: number): Uint8Array {
    if (!Number.isSafeInteger(length) || length < 0 || this.at + length > this.bytes.length) throw malformed()
    return this.bytes.subarray(this.at, this.at += length)
  }
}

const malformed = (): RangeError => new RangeError("the parts of a message do not have their lengths")
