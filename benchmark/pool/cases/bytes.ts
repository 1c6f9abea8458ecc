/**
 * A megabyte of bytes, sent and returned: copied in both directions, or transferred.
 *
 * A transfer takes the bytes from the sender, so every pass sends the bytes that the pass before got back. The tasks
 * of papyros are made while the clock runs.
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import type { Case, Competitor, CompetitorError } from "../../harness/model.ts"
import { execute, PAPYROS } from "../../harness/papyros.ts"
import { Tally } from "../../harness/tally.ts"
import { openAll } from "../competitors/implementation.ts"
import { layer } from "../competitors/papyros.ts"
import { rpc } from "../competitors/rpc.ts"
import { PISCINA, threadPools } from "../competitors/threadPools.ts"
import { echo } from "../workload/functions.ts"
import { workloadsOf } from "../workload/oracle.ts"
import type { TaskInput } from "../workload/taskInput.ts"
import { Echo, Move } from "../workload/tasks.ts"

const SIZE = 1 << 20

/** Tasks in a pass. */
const TASKS = 160

/** Passes in a run without any copy, of which one takes only some milliseconds. */
const PASSES = 20

/** Tasks of effect/rpc, which encodes bytes as base64 unless it transfers them. */
const TASKS_COPIED_BY_RPC = 16

type Bytes = Uint8Array<ArrayBuffer>

/** The bytes of the next pass. The first four bytes hold the number of the task. */
class Buffers {
  private returned: Array<Bytes> = []
  private bytes: ReadonlyArray<Bytes> = []
  private readonly transfer: boolean

  constructor(transfer: boolean) {
    this.transfer = transfer
    this.prepare()
  }

  /** Reuses the bytes that came back, and allocates the missing ones. */
  prepare(): void {
    const { returned } = this
    this.returned = []
    this.bytes = Array.from({ length: TASKS }, (_, i) => {
      const bytes = returned.pop() ?? new Uint8Array(SIZE).fill(i)
      viewOf(bytes).setUint32(0, i)
      return bytes
    })
  }

  payload(i: number): Bytes {
    return this.bytes[i]
  }

  /** Returns the number in the bytes of a result, and keeps transferred bytes for the next pass. */
  toNumber(result: unknown): number {
    if (!(result instanceof Uint8Array) || result.length !== SIZE || !(result.buffer instanceof ArrayBuffer)) return NaN
    if (this.transfer) this.returned.push(new Uint8Array(result.buffer, result.byteOffset, result.length))
    return viewOf(result).getUint32(0)
  }
}

const viewOf = ({ buffer, byteLength, byteOffset }: Uint8Array): DataView =>
  new DataView(buffer, byteOffset, byteLength)

const caseOf = (name: string, transfer: boolean, target: string): Effect.Effect<Case, never, Scope.Scope> =>
  Effect.gen(function*() {
    const dispatcher = yield* Layer.build(layer)
    const buffers = new Buffers(transfer)
    const toNumber = (result: unknown) => buffers.toNumber(result)
    const input: TaskInput<"echo"> = { function: "echo", payload: (i) => buffers.payload(i), toNumber, transfer }
    const workload = workloadsOf(
      { ...input, payload: (i) => buffers.payload(i % TASKS), toNumber: Number },
      (bytes) => viewOf(echo(bytes.slice(0, 4))).getUint32(0)
    )

    const inPasses = (
      passes: number,
      pass: Effect.Effect<Tally, CompetitorError>
    ): Effect.Effect<Tally, CompetitorError> =>
      Effect.gen(function*() {
        const tally = new Tally()
        for (let i = 0; i < passes; i++) {
          if (transfer) buffers.prepare()
          tally.merge(yield* pass)
        }
        return tally
      })

    const others = yield* openAll([...threadPools, rpc], (implementation, pool) => {
      const tasks = implementation === rpc && !transfer ? TASKS_COPIED_BY_RPC : TASKS
      const passes = transfer && implementation.transfersResults ? PASSES : 1
      return { workload: workload(tasks * passes), run: inPasses(passes, pool.run(input, tasks)) }
    })
    const tasks = function*() {
      for (let i = 0; i < TASKS; i++) yield new (transfer ? Move : Echo)({ bytes: buffers.payload(i) })
    }
    const competitors: ReadonlyArray<Competitor> = [
      ...others,
      {
        name: PAPYROS,
        run: inPasses(
          transfer ? PASSES : 1,
          Effect.provideContext(Effect.suspend(() => execute(tasks(), toNumber)), dispatcher)
        ),
        target: { [PISCINA]: target }
      }
    ]
    return { name, ...workload(TASKS * (transfer ? PASSES : 1)), warmUp: 2, baselines: [PISCINA], competitors }
  })

const copied = "1 MB round trip, copied"
const transferred = "1 MB round trip, transferred"

export const bytes = [
  { name: copied, make: caseOf(copied, false, "at least 1") },
  { name: transferred, make: caseOf(transferred, true, "at least 1.4") }
]
