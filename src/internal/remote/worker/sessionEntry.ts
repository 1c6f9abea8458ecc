/** The chunks of a client at a worker process, and their tasks as entries of the scheduler of the worker. */
import type * as Tracer from "effect/Tracer"
import { TaskEntry } from "../../scheduler/producer.ts"
import type * as Task from "../../task.ts"
import type { WireFailure } from "../protocol/messages.ts"

/** Tasks of a chunk that may have no entries yet. */
interface PositionedBlock {
  /** The position of its first task in the chunk. */
  readonly first: number
  readonly size: number
  /** Makes the entries, if there are none. */
  readonly expand: () => void
}

/** A chunk of the client. */
export interface SessionChunk {
  readonly id: number
  /** The task names of the chunk, each once. */
  readonly names: ReadonlyArray<string>
  /** By position, the tasks without an outcome, but for those of blocks that are not open. */
  readonly entries: Array<SessionEntry | undefined>
  readonly blocks: Array<PositionedBlock>
  /** The position after the last task that was received. */
  received: number
  /** Tasks without an outcome. */
  open: number
}

export class SessionEntry extends TaskEntry {
  readonly chunk: SessionChunk
  readonly at: number
  readonly nameIndex: number
  readonly confirmStart: boolean
  /** The reason why it fails without a start. */
  refusal: typeof WireFailure.Type | undefined

  constructor(
    task: Task.Any,
    index: number,
    taskTimeout: number | undefined,
    chunk: SessionChunk,
    at: number,
    nameIndex: number,
    span: Tracer.AnySpan | undefined,
    confirmStart: boolean
  ) {
    super(task, index, taskTimeout, span)
    this.chunk = chunk
    this.at = at
    this.nameIndex = nameIndex
    this.confirmStart = confirmStart || !task["~papyros/Task"].idempotent
  }
}
