/**
 * Connections of a hostile worker and of a hostile name server to a client, each determined by a seed: answers, events
 * and lists that are nearly right.
 */
import * as Runner from "effect/cluster/Runner"
import * as RunnerAddress from "effect/cluster/RunnerAddress"
import * as Exit from "effect/Exit"
import * as Rpc from "effect/rpc/Rpc"
import * as Schema from "effect/Schema"
import { Buffer } from "node:buffer"
import * as Codec from "../../src/internal/encoding/codec.ts"
import { TaskCatalog } from "../../src/internal/remote/protocol/catalog.ts"
import type { Commands, Events, HandshakeResponse, WireFailure } from "../../src/internal/remote/protocol/messages.ts"
import { NameServerRpcs, PROTOCOL, UnknownSession, WorkerRpcs } from "../../src/internal/remote/protocol/messages.ts"
import { toNumbers16 } from "../../src/internal/remote/protocol/payloads.ts"
import { decodeCommands, encodeEvents } from "../../src/internal/remote/protocol/sessionMessages.ts"
import { FrameReader, messageOf } from "../../src/internal/remote/transport/frames.ts"
import { Dice } from "../../src/testing/random.ts"
import { change, changeBytes, NUMBERS } from "./changes.ts"
import { codecFor, makeUnsafe, noise } from "./frames.ts"
import { Answer, Hostile } from "./tasks.ts"

interface Request {
  readonly _tag: string
  readonly id: string
  readonly tag: string
}

const catalog = new TaskCatalog(Hostile.tasks)
const encodeAnswer = Codec.make(Answer).success.encode

const answer = (random: Dice) =>
  encodeAnswer({
    n: random.next(),
    rows: Array.from({ length: random.below(4) }, (_, a) => ({ a, b: `${a}` })),
    lists: [[1, 2], [], [random.below(99)]],
    bytes: new Uint8Array(random.below(600)),
    text: "x".repeat(random.below(600)),
    big: BigInt(random.below(1e9)) ** 3n,
    when: new Date(random.below(1e12)),
    either: random.pick([{ _tag: "A" as const, a: 1 }, null]),
    record: { a: 1, b: 2 },
    tree: { children: [{ children: [] }] },
    any: random.pick([{ a: [1, "x"] }, "text", null])
  })

/** Values of a task, changed with some probability before and after their encoding. */
const encoded = (random: Dice, rate: number, name: string, count: number): Uint8Array => {
  const codec = catalog.values(name)!.success
  const values = Array.from({ length: count }, () => name === "Answer" ? answer(random) : random.below(9))
  const encode = (values: ReadonlyArray<unknown>) => codec.encode(values, Infinity) as Uint8Array
  const attempt = () => {
    try {
      return encode(random.chance(rate) ? values.map((value) => change(random, value)) : values)
    } catch {
      return encode(values)
    }
  }
  const bytes = attempt()
  return random.chance(rate) ? changeBytes(random, bytes) : bytes
}

type Rpcs = ReadonlyMap<string, Rpc.AnyWithProps>

const exitCodecs = new Map<Rpc.AnyWithProps, (exit: unknown) => unknown>()

const encodeExit = (rpc: Rpc.AnyWithProps, exit: unknown): unknown => {
  let encode = exitCodecs.get(rpc)
  if (encode === undefined) {
    const schema = Rpc.exitSchema(rpc as never) as unknown as Schema.Top
    encode = Schema.encodeUnknownSync(codecFor(schema) as Schema.Codec<unknown>)
    exitCodecs.set(rpc, encode)
  }
  return encode(exit)
}

const callFrame = (message: object): Uint8Array => Buffer.from(makeUnsafe().encode(message as never) as Uint8Array)

/** What both servers have in common: they answer calls. `emit` sends a frame. */
abstract class HostileServer {
  protected readonly random: Dice
  /** The probability of a change: with few changes a connection lasts longer, and reaches further states. */
  protected readonly rate: number
  private readonly emit: (frame: Uint8Array) => void
  private readonly rpcs: Rpcs
  private readonly parser = makeUnsafe()

  constructor(seed: number, rpcs: unknown, emit: (frame: Uint8Array) => void) {
    this.random = new Dice(seed)
    this.rate = this.random.pick([0.001, 0.01, 0.2])
    this.rpcs = rpcs as Rpcs
    this.emit = emit
  }

  protected send(frame: Uint8Array): void {
    this.emit(this.random.chance(this.rate) ? changeBytes(this.random, frame) : frame)
  }

  /** Answers the calls in a frame. */
  protected onCalls(bytes: Uint8Array): void {
    for (const message of this.parser.decode(bytes) as ReadonlyArray<unknown>) {
      const request = message as Request
      if (request._tag === "Ping") this.send(callFrame({ _tag: "Pong" }))
      if (request._tag === "Request") this.onRequest(request)
    }
  }

  protected abstract onRequest(request: Request): void

  protected succeed({ id, tag }: Request, value: unknown): void {
    const { random, rate } = this
    const rpc = this.rpcs.get(tag)!
    const encode = (value: unknown) => encodeExit(rpc, Exit.succeed(value))
    let exit: unknown
    try {
      exit = encode(random.chance(rate) ? change(random, value) : value)
    } catch {
      exit = encode(value)
    }
    this.send(callFrame({ _tag: "Exit", requestId: id, exit: random.chance(rate) ? this.oddExit(rpc) : exit }))
  }

  protected oddExit(rpc: Rpc.AnyWithProps): unknown {
    const { random } = this
    try {
      return encodeExit(
        rpc,
        random.pick([Exit.die("odd"), Exit.interrupt(1), Exit.fail(new UnknownSession()), Exit.void])
      )
    } catch {
      return encodeExit(rpc, Exit.die("odd"))
    }
  }

  /** A frame that has nothing to do with the calls, or is no frame. */
  protected odd(ids: ReadonlyArray<string>): void {
    const { random } = this
    const requestId = random.pick([...ids, "0", "99", "x"])
    const [rpc] = this.rpcs.values()
    const frame = random.pick([
      () => noise(random),
      () => callFrame({ _tag: "Pong" }),
      () => callFrame({ _tag: "Exit", requestId, exit: this.oddExit(rpc) }),
      () => callFrame({ _tag: "Chunk", requestId, values: [new Uint8Array(random.below(9))] }),
      () => callFrame({ _tag: "Defect", defect: "odd" }),
      () => Buffer.concat(messageOf([noise(random)]))
    ])
    try {
      this.send(frame())
    } catch {
      this.send(noise(random))
    }
  }
}

interface Chunk {
  readonly id: number
  readonly names: ReadonlyArray<string>
  readonly nameIndexes: ReadonlyArray<number>
}

/** The frames of a hostile worker on one connection. */
export class HostileWorker extends HostileServer {
  private readonly frames = new FrameReader(64 * 1024 * 1024)
  private readonly incarnation: string
  private seq = 0
  private received = 0
  private ids: Array<string> = []
  private chunks: Array<Chunk> = []
  /** Whether there is a session, to which events can be sent. */
  isOpen = false

  /** Connections with the same incarnation are of one process. */
  constructor(seed: number, incarnation: string, emit: (frame: Uint8Array) => void) {
    super(seed, WorkerRpcs.requests, emit)
    this.incarnation = incarnation
  }

  /** Throws for what this side cannot read: the client has answered nonsense, or ended in the middle. */
  onData(bytes: Uint8Array): void {
    this.frames.add(bytes)
    for (let frame = this.frames.next(); frame !== undefined; frame = this.frames.next()) {
      if (frame.isMessage) this.onCommands(decodeCommands(frame.bytes))
      else this.onCalls(frame.bytes)
    }
  }

  private onCommands({ runs, seq }: typeof Commands.Type): void {
    this.received = Math.max(this.received, seq)
    for (const { chunk, first, nameIndexes, names } of runs) {
      const indexes = Array.from({ length: nameIndexes.length / 2 }, (_, i) => nameIndexes[2 * i + 1])
      this.chunks.push({ id: chunk, names, nameIndexes: [...Array.from({ length: first }, () => 0), ...indexes] })
    }
    this.chunks = this.chunks.slice(-20)
  }

  protected override onRequest(request: Request): void {
    const { random } = this
    this.ids.push(request.id)
    switch (request.tag) {
      case "Handshake": {
        const offer: typeof HandshakeResponse.Type = {
          protocol: PROTOCOL,
          version: "0.1.0",
          worker: random.pick(["a", "b", "127.0.0.1:1"]),
          slots: random.pick([1, 4, 64, 0, -1]),
          maxTaskBytes: 1024 * 1024,
          fingerprints: Array.from(catalog.fingerprints),
          valueFormat: 0,
          incarnation: this.incarnation
        }
        return this.succeed(request, offer)
      }
      case "Events":
        this.isOpen = true
        return this.events({ credit: random.pick([1, 4, 64]) })
      case "EndSession":
        return this.succeed(request, undefined)
    }
  }

  /** Any frame of a worker. */
  frame(): void {
    const { random } = this
    if (random.chance(this.rate)) return this.odd(this.ids)
    const outcomes = Array.from({ length: 1 + random.below(2) }, () => this.outcomes())
    this.events({
      outcomes: random.chance(0.9) ? outcomes : [],
      ...(random.chance(0.2) ? { returned: this.positions() } : {}),
      ...(random.chance(0.2) ? { claims: this.positions() } : {}),
      ...(random.chance(0.1) ? { credit: random.pick([1, 4, 64, 0]) } : {})
    })
  }

  private position(): { readonly chunk: number; readonly at: number } {
    const { random } = this
    const chunk = random.pick(this.chunks)
    return chunk === undefined || random.chance(this.rate)
      ? { chunk: random.below(20), at: random.pick([...NUMBERS, 0, 1, 2]) }
      : { chunk: chunk.id, at: random.below(chunk.nameIndexes.length) }
  }

  private positions() {
    return Array.from({ length: this.random.below(4) }, () => this.position())
  }

  private outcomes(): typeof Events.Type["outcomes"][number] {
    const { random, rate } = this
    // The latest one has probably no outcomes yet.
    const chunk = random.chance(0.7) ? this.chunks.pop() : random.pick(this.chunks)
    if (chunk === undefined) {
      return { chunk: random.below(50), succeeded: toNumbers16([0]), values: [noise(random)], failures: [], micros: 1 }
    }
    const all = Array.from(chunk.nameIndexes.keys())
    const failing = new Set(all.filter(() => random.chance(0.2)))
    // Sometimes it answers a task twice, or answers only some.
    const succeeded = all.filter((at) => !failing.has(at) || random.chance(rate)).filter(() => !random.chance(rate))
    const values = chunk.names.map((name, nameIndex) => {
      const count = succeeded.filter((at) => chunk.nameIndexes[at] === nameIndex).length
      return encoded(random, rate, name, random.chance(rate) ? count + 1 : count)
    })
    const failures = Array.from(failing, (at) => ({
      at: random.chance(rate) ? random.pick(NUMBERS) : at,
      attempt: random.pick([1, 2, 1e9]),
      worker: "w",
      failure: this.failure(chunk.names[chunk.nameIndexes[at]])
    }))
    return { chunk: chunk.id, succeeded: toNumbers16(succeeded), values, failures, micros: random.pick([0, 10, 1e9]) }
  }

  private failure(name: string): typeof WireFailure.Type {
    const { random } = this
    const trace = "x".repeat(random.pick([0, 10, 20_000]))
    return random.pick<typeof WireFailure.Type>([
      { _tag: "Failed", error: name === "Answer" ? this.error() : noise(random), trace },
      { _tag: "Defect", defect: random.pick(["{}", "{", "null", "{\"__proto__\":1}", "[".repeat(5000)]), trace },
      { _tag: "TimedOut", millis: random.pick(NUMBERS) },
      { _tag: "Interrupted", trace },
      { _tag: "UnknownTask" },
      { _tag: "Undecodable", part: "success", message: trace },
      { _tag: "WorkerLost", outOfMemory: false, exitCode: random.pick(NUMBERS) },
      { _tag: "NoWorker", millis: random.pick(NUMBERS), cause: trace }
    ])
  }

  private error(): Uint8Array {
    const { random, rate } = this
    const bytes = catalog.values("Answer")!.error.encode([{ code: random.next(), text: "x" }], Infinity) as Uint8Array
    return random.chance(rate) ? changeBytes(random, bytes) : bytes
  }

  private events(some: Partial<typeof Events.Type>): void {
    const { random, rate } = this
    const events: typeof Events.Type = {
      seq: ++this.seq,
      ack: this.received,
      outcomes: [],
      returned: [],
      claims: [],
      ...some
    }
    const encode = (value: unknown) => Buffer.concat(messageOf(encodeEvents(value as typeof Events.Type)))
    const attempt = () => {
      try {
        return encode(random.chance(rate) ? change(random, events) : events)
      } catch {
        return encode(events)
      }
    }
    this.send(attempt())
  }
}

/** The frames of a hostile name server on one connection. */
export class HostileNameServer extends HostileServer {
  private watch: Request | undefined

  constructor(seed: number, emit: (frame: Uint8Array) => void) {
    super(seed, NameServerRpcs.requests, emit)
  }

  /** The client of a name server sends calls only, each with one write. */
  onData(bytes: Uint8Array): void {
    this.onCalls(bytes)
  }

  get isOpen(): boolean {
    return this.watch !== undefined
  }

  protected override onRequest(request: Request): void {
    if (request.tag === "Handshake") return this.succeed(request, undefined)
    this.watch = request
  }

  frame(): void {
    const { random, rate, watch } = this
    if (watch === undefined || random.chance(rate)) return this.odd(watch === undefined ? [] : [watch.id])
    const runners = Array.from({ length: random.below(5) }, () =>
      Runner.make({
        address: RunnerAddress.make(random.pick(["127.0.0.1", "::1", "x".repeat(300), ""]), random.below(70_000)),
        groups: random.pick([["default"], [], ["default", "other"]]),
        weight: random.pick([1, 4])
      }))
    const encode = (values: unknown) => encodeList(values) as ReadonlyArray<unknown>
    let values: ReadonlyArray<unknown>
    try {
      values = encode([random.chance(rate) ? change(random, runners) : runners])
    } catch {
      values = encode([runners])
    }
    this.send(callFrame({ _tag: "Chunk", requestId: watch.id, values }))
  }
}

const encodeList = Schema.encodeUnknownSync(
  codecFor(Schema.NonEmptyArray(Schema.Array(Runner.Runner))) as unknown as Schema.Codec<unknown>
)
