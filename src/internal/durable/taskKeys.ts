/**
 * The keys of tasks within a run: a hash of the schemas and the payload of a task, and how often that came before.
 *
 * Must stay true: keys depend on nothing else. Chunk sizes, the order of other tasks, and tasks that are inserted or removed
 * between them change no key; a changed schema changes the keys of its tasks.
 */
import { hash } from "node:crypto"
import * as TaskFailure from "../../TaskFailure.ts"
import { describe } from "../describe.ts"
import { DurableError, Unencodable } from "../durableError.ts"
import { toCodecError } from "../encoding/codecError.ts"
import type * as Task from "../task.ts"
import { Occurrences } from "./occurrences.ts"
import * as TaskForm from "./taskForm.ts"

/** A task with all that its row needs. */
export interface KeyedTask {
  readonly task: Task.Any
  readonly form: TaskForm.TaskForm
  readonly key: string
  /** The JSON of its payload when it was pulled. */
  readonly payload: string
}

/** The forms of classes of tasks, which take a millisecond to make. */
export type Forms = Map<unknown, TaskForm.TaskForm>

/** Bytes of a hash in a key. */
const LENGTH = 16

export class TaskKeys {
  private readonly occurrences: Occurrences | undefined
  private readonly forms: Forms
  private readonly keyOf: ((task: Task.Any) => string) | undefined
  /** Whether several tasks may have one key. */
  readonly mayRepeat: boolean

  /** `keyOf` replaces the payload, and then, or unless `counted`, equal tasks have equal keys. */
  constructor(keyOf: ((task: never) => string) | undefined, counted: boolean, forms: Forms = new Map()) {
    this.keyOf = keyOf as ((task: Task.Any) => string) | undefined
    this.occurrences = counted && keyOf === undefined ? new Occurrences() : undefined
    this.mayRepeat = this.occurrences === undefined
    this.forms = forms
  }

  /**
   * The key of a task, or the failure of a task whose payload its schema does not accept. Throws a `DurableError` if its
   * schemas have no JSON form, and the errors of `keyOf`.
   */
  key(task: Task.Any): KeyedTask | TaskFailure.TaskFailure<Task.Any> {
    const form = this.formOf(task)
    let payload: string
    try {
      payload = form.payload.encode(task)
    } catch (error) {
      const reason = new TaskFailure.Undecodable({ part: "payload", message: toCodecError(error).message })
      return TaskFailure.make({ task, attempt: 1, worker: "local", trace: "", reason })
    }
    const text = this.keyOf === undefined ? payload : ownKey(this.keyOf(task))
    const digest = hash("sha256", `${form.fingerprint}\n${text}`, "buffer")
    const key = digest.toString("base64url", 0, LENGTH)
    const before = this.occurrences?.add(digest.readUInt32LE(0), digest.readUInt32LE(4)) ?? 0
    return { task, form, key: before === 0 ? key : `${key}.${before}`, payload }
  }

  /** The form of the class of a task. */
  formOf(task: Task.Any): TaskForm.TaskForm {
    const definition = task["~papyros/Task"]
    let form = this.forms.get(definition)
    if (form === undefined) this.forms.set(definition, form = TaskForm.make(task.constructor as never))
    return form
  }
}

/** Text of another form than any payload, and well-formed: hashes take all lone surrogates for the same. */
const ownKey = (key: unknown): string => {
  if (typeof key === "string") return `key ${JSON.stringify(key)}`
  throw new TypeError(`the key of a task must be a string, got ${describe(key)}`)
}

/** The error of a task whose payload is another than when it was pulled, or `undefined`. */
export const changed = ({ form, payload, task }: KeyedTask): DurableError | undefined => {
  try {
    if (form.payload.encode(task) === payload) return undefined
  } catch {
    // Its schema does not accept it any more.
  }
  const message = "its payload changed after it was pulled: give each task a payload of its own"
  return new DurableError({ reason: new Unencodable({ task: task._tag, part: "payload", message }) })
}
