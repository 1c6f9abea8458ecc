/**
 * The source of an execution through its journal: each task comes with its key, and with its row if the run has one.
 *
 * Must stay true: tasks come in the order of the source. Where nothing has to be looked up or claimed, no task is pulled
 * ahead of the caller; else at most `MAX_LOOKUP` are, and a claimed one comes before the next is claimed.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import { isTaskFailure } from "../../TaskFailure.ts"
import { Deque } from "../deque.ts"
import { DurableError } from "../durableError.ts"
import { NONE, type Source } from "../producers/source.ts"
import * as Task from "../task.ts"
import * as Outcomes from "./outcomes.ts"
import { persist } from "./persist.ts"
import { Portion } from "./portion.ts"
import type { Row, Store } from "./store.ts"
import { changed, type KeyedTask, type TaskKeys } from "./taskKeys.ts"

/** Tasks that are looked up together, unless their outcomes are large. */
const MAX_LOOKUP = 256

export interface JournaledSourceOptions<E> {
  readonly store: Store
  readonly run: string
  readonly keys: TaskKeys
  readonly rerun: "failed" | "none"
  readonly looksUp: boolean
  readonly source: Source<unknown, E>
  /** The next item may be there. */
  readonly arrived: () => void
  readonly claim: (keyed: KeyedTask) => Effect.Effect<void, DurableError>
  readonly fork: (effect: Effect.Effect<void>) => Fiber.Fiber<void>
}

/** A task that has a key, or the failure of one that has none. */
type Pulled = ReturnType<TaskKeys["key"]>

/** A task that was looked up. */
interface Known {
  readonly pulled: Pulled
  /** Its outcome. */
  readonly row: Row | undefined
}

export class JournaledSource<E> implements Source<unknown, E | DurableError> {
  /** The task that `next` gave last, with its row. */
  last: Known | undefined
  private readonly options: JournaledSourceOptions<E>
  private readonly known = new Deque<Known>()
  private readonly portion = new Portion(MAX_LOOKUP)
  /** The first task of `known` is claimed. */
  private claimed = false
  /** Something that is not a task, behind the known tasks. */
  private other: { readonly item: unknown } | undefined
  /** A lookup or a claim is under way. */
  private busy = false
  private failure: Cause.Cause<DurableError> | undefined

  constructor(options: JournaledSourceOptions<E>) {
    this.options = options
  }

  get done(): boolean {
    if (this.busy || this.known.length > 0) return false
    return this.failure !== undefined || (this.options.source.done && this.other === undefined)
  }

  get cause(): Cause.Cause<E | DurableError> | undefined {
    return this.failure ?? this.options.source.cause
  }

  get close(): Effect.Effect<void> {
    return this.options.source.close
  }

  next(): unknown {
    if (this.busy) return NONE
    if (this.known.length === 0 && this.other === undefined && this.failure === undefined) this.pull()
    const { first } = this.known
    if (this.busy) return NONE
    if (first === undefined) return this.takeOther()
    const { pulled, row } = first
    if (row === undefined && !isTaskFailure(pulled) && !pulled.task[Task.TypeId].idempotent && !this.claimed) {
      this.begin(this.options.claim(pulled), () => this.claimed = true)
      // The memory of the program has answered already.
      return this.next()
    }
    this.known.shift()
    this.claimed = false
    this.last = first
    return pulled.task
  }

  private takeOther(): unknown {
    const { other } = this
    this.other = undefined
    return other === undefined ? NONE : other.item
  }

  /** Pulls one task, or as many as are looked up together. */
  private pull(): void {
    const { looksUp, source } = this.options
    const most = looksUp ? this.portion.size : 1
    const pulled: Array<Pulled> = []
    while (pulled.length < most && this.failure === undefined && this.other === undefined) {
      const item = source.next()
      if (item === NONE) break
      if (Task.isTask(item)) this.identify(item, pulled)
      else this.other = { item }
    }
    if (looksUp && pulled.length > 0) this.lookUp(pulled)
    else for (const one of pulled) this.known.push({ pulled: one, row: undefined })
  }

  private identify(task: Task.Any, pulled: Array<Pulled>): void {
    try {
      pulled.push(this.options.keys.key(task))
    } catch (error) {
      this.failure = error instanceof DurableError ? Cause.fail(error) : Cause.die(error)
    }
  }

  private lookUp(pulled: ReadonlyArray<Pulled>): void {
    const { rerun, run, store } = this.options
    const keys = pulled.flatMap((one) => isTaskFailure(one) ? [] : one.key)
    this.begin(persist(store.lookup(run, keys)), (rows) => {
      this.portion.adapt(rows)
      const byKey = new Map(rows.map((row) => [row.key, row]))
      for (const one of pulled) {
        if (isTaskFailure(one)) {
          this.known.push({ pulled: one, row: undefined })
          continue
        }
        // Time has passed since the task was pulled.
        const error = changed(one)
        if (error !== undefined) return this.failure = Cause.fail(error)
        const row = byKey.get(one.key)
        const counts = row !== undefined && Outcomes.counts(row, rerun, one.task[Task.TypeId].idempotent)
        this.known.push({ pulled: one, row: counts ? row : undefined })
      }
    })
  }

  private begin<A>(effect: Effect.Effect<A, DurableError>, then: (value: A) => void): void {
    this.busy = true
    let here = true
    const end = Effect.matchCause(effect, {
      onSuccess: then,
      onFailure: (cause) => {
        this.failure = cause
        // They can be neither claimed nor stored.
        this.known.clear()
        this.other = undefined
      }
    })
    this.options.fork(Effect.map(end, () => {
      this.busy = false
      if (!here) this.options.arrived()
    }))
    here = false
  }
}
