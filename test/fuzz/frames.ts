/**
 * Connections of a hostile client, each determined by a seed: the frames of a client with changes in their structure
 * (numbers, lengths, tags, names), and in their bytes.
 */
import * as Effect from "effect/Effect"
import * as RpcSerialization from "effect/rpc/RpcSerialization"
import * as Schema from "effect/Schema"
import { Buffer } from "node:buffer"
import * as Codec from "../../src/internal/encoding/codec.ts"
import { TaskCatalog } from "../../src/internal/remote/protocol/catalog.ts"
import { type Commands, PROTOCOL, WorkerRpcs } from "../../src/internal/remote/protocol/messages.ts"
import { toNumbers16 } from "../../src/internal/remote/protocol/payloads.ts"
import { encodeCommands } from "../../src/internal/remote/protocol/sessionMessages.ts"
import { messageOf } from "../../src/internal/remote/transport/frames.ts"
import { Dice } from "../../src/testing/random.ts"
import { change, changeBytes, NUMBERS } from "./changes.ts"
import { Guarded, Tasks } from "./tasks.ts"

const catalog = new TaskCatalog(Tasks.tasks)
const payloads = catalog.values("Guarded")!.payload
const encodePayload = Codec.make(Guarded).payload.encodeAccepted

const payload = (random: Dice) => ({
  _tag: "Guarded",
  password: random.pick(["", "guess", "x".repeat(1000)]),
  n: random.next(),
  rows: Array.from({ length: random.below(4) }, (_, a) => ({ a, b: `${a}`, c: a > 1 })),
  lists: [[1, 2], [], [random.below(99)]],
  nulls: [null, null],
  bytes: new Uint8Array(random.below(300)),
  big: BigInt(random.below(1e9)) ** 3n,
  when: new Date(random.below(1e12)),
  either: random.pick([{ _tag: "A", a: 1 }, { _tag: "B", b: ["x"] }, null]),
  record: { a: 1, b: 2 },
  tree: { children: [{ children: [] }] },
  any: random.pick([{ a: [1, "x"] }, "text", null])
})

const encodedPayloads = (random: Dice, count: number): Uint8Array => {
  const values = Array.from({ length: count }, () => encodePayload(payload(random)))
  try {
    return payloads.encode(
      random.chance(0.3) ? values.map((value) => change(random, value)) : values,
      Infinity
    ) as Uint8Array
  } catch {
    // The change made it a value of another type.
    return payloads.encode(values, Infinity) as Uint8Array
  }
}

export const { codecFor, makeUnsafe } = Effect.runSync(
  Effect.provide(
    Effect.flatMap(RpcSerialization.RpcSerialization, Effect.succeed),
    RpcSerialization.layerSchemaBinary()
  )
)

const encoders = new Map(
  Array.from(WorkerRpcs.requests, ([tag, rpc]) => [
    tag,
    Schema.encodeUnknownSync(
      codecFor((rpc as unknown as { readonly payloadSchema: Schema.Top }).payloadSchema) as Schema.Codec<unknown>
    )
  ])
)

/** A call whose payload is changed with some probability. */
const request = (random: Dice, rate: number, tag: string, value: unknown, id: number): Uint8Array => {
  const encode = (value: unknown) =>
    makeUnsafe().encode(
      {
        _tag: "Request",
        id,
        tag,
        payload: encoders.get(tag)!(value),
        headers: []
      } as never
    )
  try {
    return Buffer.from(encode(random.chance(rate) ? change(random, value) : value) as Uint8Array)
  } catch {
    return Buffer.from(encode(value) as Uint8Array)
  }
}

/** A message of a session that is changed with some probability. */
const message = (random: Dice, rate: number, commands: typeof Commands.Type): Uint8Array => {
  const encode = (value: unknown) => Buffer.concat(messageOf(encodeCommands(value as typeof Commands.Type)))
  try {
    return encode(random.chance(rate) ? change(random, commands) : commands)
  } catch {
    return encode(commands)
  }
}

/** Sessions of earlier connections, which a client may name again. */
const sessions = Array.from({ length: 4 }, (_, i) => `session-${i}`)

class Client {
  private readonly random: Dice
  /** The probability of a change: with few changes a connection lasts longer, and reaches further states. */
  private readonly rate: number
  private seq = 0
  private chunk = 0
  private id = 0

  constructor(random: Dice) {
    this.random = random
    this.rate = random.pick([0.01, 0.05, 0.3])
  }

  handshake(): Uint8Array {
    const protocol = this.random.chance(0.95) ? PROTOCOL : this.random.pick([PROTOCOL - 1, PROTOCOL + 1])
    return this.request("Handshake", { protocol, version: "0.1.0" })
  }

  events(): Uint8Array {
    const { random } = this
    const fresh = random.chance(0.5)
    return this.request("Events", {
      session: fresh ? `${random.next()}` : random.pick(sessions),
      resume: random.chance(fresh ? 0.1 : 0.7),
      received: random.chance(0.7) ? 0 : random.pick(NUMBERS),
      maxTaskBytes: random.pick([1, 1024, 1024 * 1024])
    })
  }

  commands(): Uint8Array {
    const { random } = this
    const position = () => ({ chunk: random.below(this.chunk + 2), at: random.below(4) })
    const some = <A>(make: () => A) => Array.from({ length: random.below(3) }, make)
    const runs = some(() => {
      const count = 1 + random.below(3)
      const bytes = encodedPayloads(random, count)
      return {
        chunk: ++this.chunk,
        first: 0,
        names: ["Guarded"],
        nameIndexes: toNumbers16(Array.from({ length: count }, () => 0)),
        payloads: [random.chance(2 * this.rate) ? changeBytes(random, bytes) : bytes],
        confirmStart: random.chance(0.2),
        ...(random.chance(0.2) ? { attempts: Array.from({ length: count }, () => 2) } : {}),
        ...(random.chance(0.2) ? { timeouts: Array.from({ length: count }, () => -1) } : {})
      }
    })
    const frame = message(random, this.rate, {
      seq: ++this.seq,
      ack: 0,
      runs,
      confirmed: some(position),
      cancels: some(position),
      steal: random.chance(0.1)
    })
    return random.chance(this.rate) ? changeBytes(random, frame) : frame
  }

  /** Any frame of a client, in any order. */
  frame(): Uint8Array {
    const { random } = this
    const n = random.below(100)
    if (n < 80) return this.commands()
    if (n < 85) return this.events()
    if (n < 88) return this.handshake()
    if (n < 92) return this.request("Status", undefined)
    if (n < 95) return this.request("EndSession", { session: random.pick(sessions) })
    const id = random.below(this.id + 1)
    const other = random.pick([
      { _tag: "Ping" },
      { _tag: "Ack", requestId: id },
      { _tag: "Interrupt", requestId: id },
      { _tag: "Eof" }
    ])
    try {
      return Buffer.from(makeUnsafe().encode(other as never) as Uint8Array)
    } catch {
      return this.request("Status", undefined)
    }
  }

  private request(tag: string, value: unknown): Uint8Array {
    const { random } = this
    const frame = request(random, this.rate, tag, value, this.id++)
    return random.chance(this.rate) ? changeBytes(random, frame) : frame
  }
}

/** The frames of one connection: before the handshake, or after it. */
export const connectionFrames = function*(seed: number, count: number): Generator<Uint8Array> {
  const random = new Dice(seed)
  const client = new Client(random)
  const authenticates = random.chance(0.9)
  if (authenticates) {
    yield plain("Handshake", { protocol: PROTOCOL, version: "0.1.0" })
    if (random.chance(0.9)) {
      yield plain("Events", {
        session: random.chance(0.5) ? random.pick(sessions) : `${random.next()}`,
        resume: false,
        received: 0,
        maxTaskBytes: 1024
      })
    }
  }
  for (let i = 0; i < count; i++) yield random.chance(0.005) ? noise(random) : client.frame()
}

const plain = (tag: string, value: unknown): Uint8Array =>
  Buffer.from(
    makeUnsafe().encode(
      { _tag: "Request", id: 1_000_000, tag, payload: encoders.get(tag)!(value), headers: [] } as never
    ) as Uint8Array
  )

/** Bytes that mean nothing. */
export const noise = (random: Dice): Uint8Array =>
  Buffer.from(Array.from({ length: 1 + random.below(200) }, () => random.below(256)))
