/**
 * A megabyte of bytes, sent and sent back: copied each way, or transferred.
 *
 * Transferring takes the bytes from the sender, so every pass over them needs others:
 * those that the pass before got back. The tasks of papyros are made as they are pulled.
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import type { Broken, Case, Competitor } from "../../harness/model.ts"
import { Tally } from "../../harness/tally.ts"
import type { Load } from "../competitors/implementation.ts"
import { execute, layer, PAPYROS } from "../competitors/papyros.ts"
import { rpc } from "../competitors/rpc.ts"
import { peers, PISCINA } from "../competitors/threadPools.ts"
import { echo } from "../workload/functions.ts"
import { fromPeers, oracle } from "../workload/oracle.ts"
import { Echo, Move } from "../workload/tasks.ts"

const SIZE = 1 << 20

/** Tasks in a pass, and passes in a run: a pass in which nothing is copied takes some milliseconds. */
const FEW = 160
const PASSES = 20

/** effect/rpc sends bytes that are not transferred as base64. */
const FEW_COPIED_BY_RPC = 16

type Bytes = Uint8Array<ArrayBuffer>

/** The bytes of a pass, each with the number of its task in its first four. */
class Supply {
  private returned: Array<Bytes> = []
  private bytes: ReadonlyArray<Bytes> = []
  private readonly move: boolean

  constructor(move: boolean) {
    this.move = move
    this.prepare()
  }

  /** Makes new ones only for those that did not come back. */
  prepare(): void {
    const { returned } = this
    this.returned = []
    this.bytes = Array.from({ length: FEW }, (_, i) => {
      const bytes = returned.pop() ?? new Uint8Array(SIZE).fill(i)
      number(bytes).setUint32(0, i)
      return bytes
    })
  }

  payload(i: number): Bytes {
    return this.bytes[i]
  }

  /** Says what is written in bytes that came back. */
  outcome(result: unknown): number {
    if (!(result instanceof Uint8Array) || result.length !== SIZE || !(result.buffer instanceof ArrayBuffer)) return NaN
    if (this.move) this.returned.push(new Uint8Array(result.buffer, result.byteOffset, result.length))
    return number(result).getUint32(0)
  }
}

const number = ({ buffer, byteLength, byteOffset }: Uint8Array): DataView =>
  new DataView(buffer, byteOffset, byteLength)

const caseOf = (name: string, move: boolean, target: string): Effect.Effect<Case, never, Scope.Scope> =>
  Effect.gen(function*() {
    const dispatcher = yield* Layer.build(layer)
    const supply = new Supply(move)
    const outcome = (result: unknown) => supply.outcome(result)
    const load: Load<"echo"> = { work: "echo", payload: (i) => supply.payload(i), outcome, move }
    const many = oracle(
      { ...load, payload: (i) => supply.payload(i % FEW), outcome: Number },
      (bytes) => number(echo(bytes.slice(0, 4))).getUint32(0)
    )

    const inPasses = (passes: number, pass: Effect.Effect<Tally, Broken>): Effect.Effect<Tally, Broken> =>
      Effect.gen(function*() {
        const tally = new Tally()
        for (let i = 0; i < passes; i++) {
          if (move) supply.prepare()
          tally.merge(yield* pass)
        }
        return tally
      })

    const others = yield* fromPeers([...peers, rpc], (peer, contestant) => {
      const tasks = peer === rpc && !move ? FEW_COPIED_BY_RPC : FEW
      const passes = move && peer.returnsMoved ? PASSES : 1
      return { own: many(tasks * passes), run: inPasses(passes, contestant.run(load, tasks)) }
    })
    const tasks = function*() {
      for (let i = 0; i < FEW; i++) yield new (move ? Move : Echo)({ bytes: supply.payload(i) })
    }
    const competitors: ReadonlyArray<Competitor> = [
      ...others,
      {
        name: PAPYROS,
        run: inPasses(
          move ? PASSES : 1,
          Effect.provideContext(Effect.suspend(() => execute(tasks(), outcome)), dispatcher)
        ),
        target: { [PISCINA]: target }
      }
    ]
    return { name, ...many(FEW * (move ? PASSES : 1)), warmUp: 2, baselines: [PISCINA], competitors }
  })

const copied = "1 MB there and back, copied"
const transferred = "1 MB there and back, transferred"

export const bytes = [
  { name: copied, make: caseOf(copied, false, "at least 1") },
  { name: transferred, make: caseOf(transferred, true, "at least 1.5") }
]
