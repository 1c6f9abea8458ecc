import * as Schema from "effect/Schema"
import * as Task from "papyros/Task"
import * as TaskGroup from "papyros/TaskGroup"

interface Tree {
  readonly children: ReadonlyArray<Tree>
}

const Tree = Schema.Struct({ children: Schema.Array(Schema.suspend((): Schema.Codec<Tree> => Tree)) })

/** A task that a fuzzer sends in every form, and that may never run: it does not know the password. */
export class Guarded extends Task.Class<Guarded>()("Guarded", {
  payload: {
    password: Schema.String.check(Schema.makeFilter((text: string) => text === process.env.PAPYROS_FUZZ_PASSWORD)),
    n: Schema.Number,
    rows: Schema.Array(Schema.Struct({ a: Schema.Number, b: Schema.optional(Schema.String), c: Schema.Boolean })),
    lists: Schema.Array(Schema.Array(Schema.Number)),
    nulls: Schema.Array(Schema.Null),
    bytes: Schema.optionalKey(Schema.Uint8Array),
    big: Schema.BigInt,
    when: Schema.Date,
    either: Schema.Union([
      Schema.TaggedStruct("A", { a: Schema.Number }),
      Schema.TaggedStruct("B", { b: Schema.Array(Schema.String) }),
      Schema.Null
    ]),
    record: Schema.Record(Schema.String, Schema.Number),
    tree: Tree,
    any: Schema.Unknown
  },
  success: Schema.Void
}) {}

/** The task of a client that is to be served meanwhile. */
export class Echo extends Task.Class<Echo>()("Echo", {
  payload: { text: Schema.String, n: Schema.Number },
  success: Schema.Struct({ text: Schema.String, n: Schema.Number })
}) {}

export const Tasks = TaskGroup.make(Guarded, Echo)

/** A task of the client that is fuzzed: hostile workers run it, and give results and errors of every form. */
export class Answer extends Task.Class<Answer>()("Answer", {
  payload: { id: Schema.Number },
  success: Schema.Struct({
    n: Schema.Number,
    rows: Schema.Array(Schema.Struct({ a: Schema.Number, b: Schema.optional(Schema.String) })),
    lists: Schema.Array(Schema.Array(Schema.Number)),
    bytes: Schema.Uint8Array,
    text: Schema.String,
    big: Schema.BigInt,
    when: Schema.Date,
    either: Schema.Union([Schema.TaggedStruct("A", { a: Schema.Number }), Schema.Null]),
    record: Schema.Record(Schema.String, Schema.Number),
    tree: Tree,
    any: Schema.Unknown
  }),
  error: Schema.Struct({ code: Schema.Number, text: Schema.String })
}) {}

/** What `Answer` is for workers, and also not idempotent: its start must be confirmed. */
export class AnswerOnce extends Task.Class<AnswerOnce>()("AnswerOnce", {
  payload: { id: Schema.Number },
  success: Schema.Number,
  idempotent: false
}) {}

/** The tasks of hostile workers. */
export const Hostile = TaskGroup.make(Answer, AnswerOnce)

/** The tasks of the client that is fuzzed: `Echo` for an honest worker, and those of hostile workers. */
export const ClientTasks = TaskGroup.make(Echo, Answer, AnswerOnce)
