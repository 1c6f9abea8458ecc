/**
 * What happens beside the work, the same in this process and in a thread: finds
 * the handler, decodes the payload, starts the handler in its own context, and
 * makes of its exit what crosses the boundary.
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
import { type HandlerEntry, handlerKey } from "../../TaskGroup.ts"
import type * as TaskGroup from "../../TaskGroup.ts"
import * as Codec from "../encoding/codec.ts"
import type { ListShape, Shape } from "../encoding/columns.ts"
import { CurrentParent, type ParentTask } from "../scheduler/producer.ts"

const MAX_TRACE = 16 * 1024

/** The handler of one task, ready to run. */
export class Handler {
  readonly handle: HandlerEntry["handle"]
  /** Whether the task declares a typed error. */
  private readonly fails: boolean
  /** Whether the buffers of a payload or of a result are given up. */
  readonly movesPayload: boolean
  readonly movesResult: boolean
  /** Whether one of its tasks has ever suspended; `undefined` before the first one. */
  suspends: boolean | undefined = undefined
  private readonly context: Context.Context<never>
  /** What its encoded results have in common. */
  readonly resultShape: Shape | ListShape | undefined
  private readonly codec: Codec.TaskCodec | undefined
  private readonly carry: Copy

  constructor(entry: HandlerEntry, dispatcher: Dispatcher["Service"], boundary: "codec" | "none", carry: Copy) {
    const definition = entry.task.prototype["~papyros/Task"]
    this.handle = entry.handle
    this.fails = definition.error !== Schema.Never
    this.movesPayload = definition.transfer === "payload" || definition.transfer === "both"
    this.movesResult = definition.transfer === "success" || definition.transfer === "both"
    const context = Context.add(entry.context, Dispatcher, dispatcher)
    // Flat, so that what every run adds to it never copies it.
    const services = new Map(context.mapUnsafe)
    // A span in which its Layer was built has ended.
    services.delete(Tracer.ParentSpan.key)
    this.context = Context.makeUnsafe<never>(services)
    this.codec = boundary === "codec" ? Codec.make(entry.task) : undefined
    this.resultShape = this.codec?.success.shape
    this.carry = carry
  }

  /**
   * What the handler makes of an item: its effect, an `Exit` where that is all,
   * or why its payload kept it from starting.
   */
  begin(item: Executor.Item): Effect.Effect<unknown, unknown> | Codec.CodecError {
    let task = item.payload
    if (this.codec !== undefined) {
      const payload = this.carry(task)
      if (payload instanceof Codec.CodecError) return payload
      task = this.codec.payload.decode(payload)
      if (task instanceof Codec.CodecError) return task
    }
    try {
      const effect = this.handle(task as never)
      if (!Effect.isEffect(effect)) {
        return Exit.die(new TypeError(`The handler of ${item.name} returned something that is not an Effect`))
      }
      return item.span?.sampled === true ? traced(effect, item) : effect
    } catch (defect) {
      return Exit.die(defect)
    }
  }

  /** Puts others in the place of bytes in its encoded results. */
  get withBytes(): Codec.Codec["withBytes"] {
    return this.codec?.success.withBytes
  }

  /** The context that one run of the handler sees. */
  contextFor(item: Executor.Item, parent: ParentTask | undefined): Context.Context<never> {
    let context = parent === undefined ? this.context : Context.add(this.context, CurrentParent, parent)
    if (item.span?.sampled === false) context = Context.add(context, Tracer.ParentSpan, item.span)
    return item.attempt === 1 ? context : Context.add(context, CurrentAttempt, item.attempt)
  }

  /** Reports how a run ended. */
  end(exit: Exit.Exit<unknown, unknown>): HandlerOutcome {
    if (exit._tag === "Failure") return this.failureOf(exit.cause)
    if (this.codec === undefined) return exit
    const value = this.carry(this.codec.success.encode(exit.value))
    return value instanceof Codec.CodecError ? undecodable("success", value) : { _tag: "Success", value }
  }

  private failureOf(cause: Cause.Cause<unknown>): Executor.WireFailure {
    // Across a boundary the cause itself stays behind.
    const trace = this.codec === undefined ? () => render(cause) : render(cause)
    const die = cause.reasons.find(Cause.isDieReason)
    const fail = die === undefined ? cause.reasons.find(Cause.isFailReason) : undefined
    if (fail !== undefined && this.fails) {
      if (this.codec === undefined) return { _tag: "Failed", error: fail.error, trace }
      const error = this.carry(this.codec.error.encode(fail.error))
      return error instanceof Codec.CodecError ? undecodable("error", error) : { _tag: "Failed", error, trace }
    }
    if (die === undefined && fail === undefined) return { _tag: "Interrupted", trace }
    const defect = die === undefined ? fail!.error : die.defect
    return this.codec === undefined ? { _tag: "Defect", defect, trace } : wireDefect(defect, trace)
  }
}

/** The encoded or live value of a run that succeeded, or its failure. */
export type HandlerOutcome = { readonly _tag: "Success"; readonly value: unknown } | Executor.WireFailure

type Part = "payload" | "success" | "error" | "defect"
type Undecodable = Extract<Executor.WireFailure, { readonly _tag: "Undecodable" }>

/** Something that does not fit its schema, or cannot be cloned. */
export const undecodable = (part: Part, { message }: Codec.CodecError): Undecodable => ({
  _tag: "Undecodable",
  part,
  message
})

/** Takes encoded data to the other side; a `Misfit` is passed on. */
export type Copy = (value: unknown) => unknown

/** Copies it, as a thread or a socket would. */
export const structuredCopy: Copy = (value) => {
  if ((typeof value !== "object" && typeof value !== "function") || value instanceof Codec.CodecError) return value
  try {
    return structuredClone(value)
  } catch (error) {
    return Codec.toCodecError(error)
  }
}

/** Leaves it as it is: sending it will copy it. */
export const noCopy: Copy = (value) => value

/** A defect as it crosses the boundary. */
export const wireDefect = (
  defect: unknown,
  trace: Executor.Trace = render(Cause.die(defect))
): Executor.WireFailure => {
  const encoded = Codec.defect.encode(defect)
  return encoded instanceof Codec.CodecError
    ? undecodable("defect", encoded)
    : { _tag: "Defect", defect: encoded, trace }
}

const render = (cause: Cause.Cause<unknown>): string => {
  try {
    const trace = Cause.pretty(cause)
    return trace.length > MAX_TRACE ? trace.slice(0, MAX_TRACE) : trace
  } catch {
    // A defect may be anything: also what throws when it is printed.
    return ""
  }
}

const traced = (effect: Effect.Effect<unknown, unknown>, item: Executor.Item): Effect.Effect<unknown, unknown> =>
  Effect.withSpan(effect, `papyros.${item.name}`, {
    parent: item.span,
    attributes: { "papyros.task": item.name, "papyros.attempt": item.attempt },
    captureStackTrace: false
  })

/** The handlers of a group, as its Layer provides them. */
export class Handlers {
  private readonly known = new Map<string, Handler>()
  private lastName: string | undefined
  private last: Handler | undefined
  private readonly group: TaskGroup.Any
  private readonly context: Context.Context<never>
  private readonly dispatcher: Dispatcher["Service"]
  private readonly boundary: "codec" | "none"
  private readonly carry: Copy

  constructor(
    group: TaskGroup.Any,
    context: Context.Context<never>,
    dispatcher: Dispatcher["Service"],
    boundary: "codec" | "none",
    carry: Copy
  ) {
    this.carry = carry
    this.group = group
    this.context = context
    this.dispatcher = dispatcher
    this.boundary = boundary
  }

  get(name: string): Handler | undefined {
    if (name === this.lastName) return this.last
    const known = this.known.get(name)
    if (known !== undefined) {
      this.lastName = name
      return this.last = known
    }
    const entry = this.group.tasks.has(name) ? this.context.mapUnsafe.get(handlerKey(name)) : undefined
    if (entry === undefined) return undefined
    const handler = new Handler(entry as HandlerEntry, this.dispatcher, this.boundary, this.carry)
    this.known.set(name, handler)
    return handler
  }
}
