import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Task from "papyros/Task"
import * as TaskFailure from "papyros/TaskFailure"

class Root extends Task.Class<Root>()("Root", { payload: { n: Schema.Int }, error: Schema.String }) {}

const failure = (
  reason: TaskFailure.Reason<unknown>,
  options: { readonly attempt?: number; readonly trace?: string | (() => string) } = {}
) =>
  TaskFailure.make({
    task: new Root({ n: 1 }),
    attempt: options.attempt ?? 1,
    worker: "thread-1",
    trace: options.trace ?? "",
    reason
  })

const thrower = {
  get message(): string {
    throw new Error("unprintable")
  }
}

describe("TaskFailure", () => {
  it.each<readonly [string, TaskFailure.Reason<unknown>]>([
    ["failed: no root", new TaskFailure.Failed({ error: "no root" })],
    ["died: TypeError: boom", new TaskFailure.Defect({ defect: new TypeError("boom") })],
    ["ran longer than its taskTimeout of 2s", new TaskFailure.TimedOut({ duration: Duration.seconds(2) })],
    ["ran out of memory", new TaskFailure.WorkerLost({ outOfMemory: true, exitCode: 1 })],
    ["was ended by SIGKILL", new TaskFailure.WorkerLost({ outOfMemory: false, signal: "SIGKILL" })],
    ["exited with code 7", new TaskFailure.WorkerLost({ outOfMemory: false, exitCode: 7 })],
    ["the task may have completed", new TaskFailure.WorkerLost({ outOfMemory: false })],
    ["interrupted itself", new TaskFailure.Interrupted()],
    [
      "has a payload that cannot cross the boundary: not a number",
      new TaskFailure.Undecodable({ part: "payload", message: "not a number" })
    ],
    [
      "has an error that cannot cross the boundary",
      new TaskFailure.Undecodable({ part: "error", message: "not a number" })
    ],
    ["add Root to the group", new TaskFailure.UnknownTask({ name: "Root" })],
    ["Stamp, Tick", new TaskFailure.UnknownTask({ name: "Root", offered: "Stamp, Tick" })],
    [
      "found no worker within 5ms: Error: refused",
      new TaskFailure.NoWorker({ waited: Duration.millis(5), cause: new Error("refused") })
    ]
  ])("has a message for people that says task, worker and: %s", (text, reason) => {
    const { message } = failure(reason)
    assert.isTrue(message.startsWith("Task Root on thread-1 "), message)
    assert.include(message, text)
  })

  it("names the attempt in its message from the second one on", () => {
    assert.notInclude(failure(new TaskFailure.Interrupted()).message, "attempt")
    assert.include(failure(new TaskFailure.Interrupted(), { attempt: 3 }).message, "(attempt 3)")
  })

  it("keeps its message short and printable, whatever the error is", () => {
    const long = failure(new TaskFailure.Failed({ error: "x".repeat(10_000) })).message
    assert.isBelow(long.length, 300)
    for (const error of [thrower, Symbol("s"), 1n, null, undefined, () => 1, new Proxy({}, {})]) {
      assert.isString(failure(new TaskFailure.Failed({ error })).message)
    }
  })

  it("has the fields of a typed error without a message in its own, and of no other", () => {
    class Missing extends Schema.TaggedError<Missing>()("Missing", { path: Schema.String, tries: Schema.Int }) {}
    class Worded extends Schema.TaggedError<Worded>()("Worded", { path: Schema.String }) {
      override get message() {
        return `no ${this.path}`
      }
    }
    class Empty extends Schema.TaggedError<Empty>()("Empty", {}) {}
    const messageOf = (error: unknown) => failure(new TaskFailure.Failed({ error })).message
    assert.include(
      messageOf(new Missing({ path: "/tmp/a", tries: 3 })),
      "failed: Missing: {\"path\":\"/tmp/a\",\"tries\":3}"
    )
    assert.include(messageOf(new Worded({ path: "/tmp/a" })), "failed: Worded: no /tmp/a")
    assert.match(messageOf(new Empty({})), /failed: Empty$/)
  })

  it("cuts its trace at 16 KiB, rendered or not", () => {
    const trace = "t".repeat(20_000)
    assert.lengthOf(failure(new TaskFailure.Interrupted(), { trace }).trace, 16 * 1024)
    assert.lengthOf(failure(new TaskFailure.Interrupted(), { trace: () => trace }).trace, 16 * 1024)
  })

  it("renders its trace when it is first read, once", () => {
    let rendered = 0
    const lazy = failure(new TaskFailure.Interrupted(), { trace: () => `render ${++rendered}` })
    assert.strictEqual(rendered, 0)
    assert.strictEqual(lazy.trace, "render 1")
    assert.strictEqual(lazy.trace, "render 1")
    assert.deepStrictEqual(Object.keys(lazy).filter((key) => key === "trace"), ["trace"])
  })

  it("captures no stack of its own, and leaves the limit of stacks as it was", () => {
    const limit = Error.stackTraceLimit
    const { stack } = failure(new TaskFailure.Interrupted())
    assert.notInclude(stack ?? "", "\n    at ")
    assert.strictEqual(Error.stackTraceLimit, limit)
    assert.throws(() =>
      TaskFailure.withoutStack(() => {
        throw new Error("inside")
      }), "inside")
    assert.strictEqual(Error.stackTraceLimit, limit)
  })

  it.effect("is caught by its reason, with the failure beside it", () =>
    Effect.gen(function*() {
      const caught = yield* Effect.fail(
        failure(new TaskFailure.Failed({ error: "no root" })) as TaskFailure.TaskFailure<Root>
      )
        .pipe(
          Effect.catchReason(
            "TaskFailure",
            "Failed",
            ({ error }, { attempt, task, worker }) => Effect.succeed({ error, n: task.n, attempt, worker })
          )
        )
      assert.deepStrictEqual(caught, { error: "no root", n: 1, attempt: 1, worker: "thread-1" })
    }))

  it("is recognised by isTaskFailure", () => {
    assert.isTrue(TaskFailure.isTaskFailure(failure(new TaskFailure.Interrupted())))
    for (const other of [new TaskFailure.Interrupted(), { _tag: "TaskFailure" }, null, new Error("no")]) {
      assert.isFalse(TaskFailure.isTaskFailure(other))
    }
  })
})
