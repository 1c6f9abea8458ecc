/**
 * The handler of one task, ready to run: decodes the payload, starts the handler in a context of its own, and
 * encodes its exit. It is the same in this process and in a worker thread. `begin` and `end` never throw.
 */
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Schema from "effect/Schema"
import * as Tracer from "effect/Tracer"
import { Dispatcher } from "../../Dispatcher.ts"
import type * as Executor from "../../Executor.ts"
import { CurrentAttempt } from "../../Task.ts"
import type { HandlerEntry } from "../../TaskGroup.ts"
import * as Codec from "../encoding/codec.ts"
import type { ListShape, Shape } from "../encoding/columns.ts"
import { CurrentParent, type ParentTask } from "../scheduler/producer.ts"
import { movesPayload } from "../task.ts"
import type { Copy } from "./copy.ts"
import { type HandlerOutcome, isEffect, render, undecodable, wireDefect } from "./outcome.ts"

/** The start of an item, as its handler sees it. */
export type Start = Pick<Executor.Item, "attempt" | "span">

export class Handler {
  readonly name: string
  readonly handle: HandlerEntry["handle"]
  /** Whether the task declares a typed error. */
  private readonly fails: boolean
  /** Whether the buffers of a payload are moved to the handler. */
  readonly movesPayload: boolean
  /** Whether the buffers of a result are moved to the caller. */
  readonly movesResult: boolean
  /** Whether one of its tasks has ever suspended; `undefined` before the first one. Owned by the executor. */
  suspends: boolean | undefined = undefined
  private readonly spanAttributes: Readonly<Record<string, unknown>>
  private readonly context: Context.Context<never>
  /** The shape of its encoded results. */
  readonly resultShape: Shape | ListShape | undefined
  private readonly codec: Codec.TaskCodec | undefined
  private readonly copy: Copy

  constructor(
    entry: HandlerEntry,
    dispatcher: Dispatcher["Service"],
    boundary: "codec" | "none",
    copy: Copy,
    spanAttributes: Readonly<Record<string, string>>
  ) {
    const definition = entry.task.prototype["~papyros/Task"]
    this.name = definition.name
    this.spanAttributes = { ...spanAttributes, "papyros.task": definition.name }
    this.handle = entry.handle
    this.fails = definition.error !== Schema.Never
    this.movesPayload = movesPayload(definition.transfer)
    this.movesResult = definition.transfer === "success" || definition.transfer === "both"
    const context = Context.add(entry.context, Dispatcher, dispatcher)
    // A flat map: `contextFor` then adds to it without copying it.
    const services = new Map(context.mapUnsafe)
    // The span in which the Layer was built has ended.
    services.delete(Tracer.ParentSpan.key)
    this.context = Context.makeUnsafe<never>(services)
    this.codec = boundary === "codec" ? Codec.make(entry.task) : undefined
    this.resultShape = this.codec?.success.shape
    this.copy = copy
  }

  /**
   * Starts an item: returns the effect of the handler, an `Exit` if the handler is done already, or the
   * `CodecError` of a payload that does not decode.
   */
  begin(item: Executor.Item, chunkSize: number): Effect.Effect<unknown, unknown> | Codec.CodecError {
    // Not even `instanceof`, which looks through all prototypes of a task.
    if (this.codec === undefined) return this.call(item.payload, item, chunkSize)
    const task = this.decode(item.payload)
    return task instanceof Codec.CodecError ? task : this.call(task, item, chunkSize)
  }

  /** The task of a payload, or the `CodecError` of it. */
  decode(payload: unknown): unknown {
    if (this.codec === undefined) return payload
    const copied = this.copy(payload)
    return copied instanceof Codec.CodecError ? copied : this.codec.payload.decode(copied)
  }

  /** Calls the handler: returns its effect, or an `Exit` if it is done already. */
  call(task: unknown, start: Start, chunkSize: number): Effect.Effect<unknown, unknown> {
    try {
      const effect = this.handle(task as never)
      if (!isEffect(effect)) {
        return Exit.die(new TypeError(`The handler of ${this.name} returned something that is not an Effect`))
      }
      return start.span?.sampled === true ? this.withSpan(effect, start, chunkSize) : effect
    } catch (defect) {
      return Exit.die(defect)
    }
  }

  /** A scope inside the span: the span covers the finalizers of the handler. */
  private withSpan(
    effect: Effect.Effect<unknown, unknown>,
    { attempt, span }: Start,
    chunkSize: number
  ): Effect.Effect<unknown, unknown> {
    return Effect.withSpan(Effect.scoped(effect), `papyros.${this.name}`, {
      parent: span,
      attributes: { ...this.spanAttributes, "papyros.attempt": attempt, "papyros.chunk.size": chunkSize },
      captureStackTrace: false
    })
  }

  /** Copies the parts of an encoded result that the handler may still change; absent if there are none. */
  get resultSnapshot(): Codec.WholeCodec["snapshot"] {
    return this.codec?.success.snapshot
  }

  /** The same of an encoded typed error. */
  get errorSnapshot(): Codec.WholeCodec["snapshot"] {
    return this.codec?.error.snapshot
  }

  /** The context in which the effect of `begin` runs, unless that is an `Exit`. */
  contextFor({ attempt, span }: Start, parent: ParentTask | undefined): Context.Context<never> {
    // `addUnsafe` is `add` without its check of the arguments, which every task would pay for.
    let context = parent === undefined ? this.context : Context.addUnsafe(this.context, CurrentParent.key, parent)
    if (span?.sampled === false) context = Context.add(context, Tracer.ParentSpan, span)
    return attempt === 1 ? context : Context.add(context, CurrentAttempt, attempt)
  }

  /** The outcome of an exit. */
  end(exit: Exit.Exit<unknown, unknown>): HandlerOutcome {
    if (exit._tag === "Failure") return this.failureOf(exit.cause)
    if (this.codec === undefined) return exit
    const value = this.copy(this.codec.success.encode(exit.value))
    return value instanceof Codec.CodecError ? undecodable("success", value) : { _tag: "Success", value }
  }

  private failureOf(cause: Cause.Cause<unknown>): Executor.WireFailure {
    // A cause cannot cross a codec boundary: its trace is rendered here.
    const trace = this.codec === undefined ? () => render(cause) : render(cause)
    const die = cause.reasons.find(Cause.isDieReason)
    const fail = die === undefined ? cause.reasons.find(Cause.isFailReason) : undefined
    if (fail !== undefined && this.fails) {
      if (this.codec === undefined) return { _tag: "Failed", error: fail.error, trace }
      const error = this.copy(this.codec.error.encode(fail.error))
      return error instanceof Codec.CodecError ? undecodable("error", error) : { _tag: "Failed", error, trace }
    }
    if (die === undefined && fail === undefined) return { _tag: "Interrupted", trace }
    const defect = die === undefined ? fail!.error : die.defect
    return this.codec === undefined ? { _tag: "Defect", defect, trace } : wireDefect(defect, trace)
  }
}
