/**
 * The handlers of a group, found by the name of their task in the context that the group's Layer provides.
 * A handler is made once, when the first task of its name runs.
 */
import type * as Context from "effect/Context"
import type { Dispatcher } from "../../Dispatcher.ts"
import { type HandlerEntry, handlerKey } from "../../TaskGroup.ts"
import type * as TaskGroup from "../../TaskGroup.ts"
import type { Copy } from "./copy.ts"
import { Handler } from "./handler.ts"

export class Handlers {
  private readonly known = new Map<string, Handler>()
  private last: Handler | undefined
  private readonly group: TaskGroup.Any
  private readonly context: Context.Context<never>
  private readonly dispatcher: Dispatcher["Service"]
  private readonly boundary: "codec" | "none"
  private readonly copy: Copy
  private readonly spanAttributes: Readonly<Record<string, string>>

  constructor(
    group: TaskGroup.Any,
    context: Context.Context<never>,
    dispatcher: Dispatcher["Service"],
    boundary: "codec" | "none",
    copy: Copy,
    /** Of all spans of tasks. */
    spanAttributes: Readonly<Record<string, string>>
  ) {
    this.copy = copy
    this.spanAttributes = spanAttributes
    this.group = group
    this.context = context
    this.dispatcher = dispatcher
    this.boundary = boundary
  }

  /** The handler of a task, or `undefined` if the group has no such task or the context has no handler for it. */
  get(name: string): Handler | undefined {
    // Tasks of one name come in a row, and comparing two names costs less than a look-up.
    if (this.last !== undefined && this.last.name === name) return this.last
    const known = this.known.get(name)
    if (known !== undefined) return this.last = known
    const entry = this.group.tasks.has(name) ? this.context.mapUnsafe.get(handlerKey(name)) : undefined
    if (entry === undefined) return undefined
    const handler = new Handler(entry as HandlerEntry, this.dispatcher, this.boundary, this.copy, this.spanAttributes)
    this.known.set(name, handler)
    return handler
  }
}
