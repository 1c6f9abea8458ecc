import type * as FileSystem from "effect/FileSystem"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as Dispatcher from "papyros/Dispatcher"
import * as Failures from "papyros/Failures"
import * as Task from "papyros/Task"
import { expect, test } from "tstyche"

class One extends Task.Class<One>()("One", { success: Schema.Int, error: Schema.String }) {}

class Two extends Task.Class<Two>()("Two", { success: Schema.String }) {}

const kept = Stream.make(new One(), new Two()).pipe(Dispatcher.results(), Failures.keep("failed.ndjson"))

test("outcomes keep their type, also for a mixed stream", () => {
  expect<Stream.Success<typeof kept>>().type.toBe<Dispatcher.TaskResult<One | Two>>()
  const lines = Stream.map(kept, (outcome) => ({ ...outcome, line: "" })).pipe(Failures.keep("again.ndjson"))
  expect<Stream.Success<typeof lines>["line"]>().type.toBe<string>()
})

test("the file may fail the stream, and needs a file system", () => {
  expect<Stream.Error<typeof kept>>().type.toBe<
    Failures.FailureFileError | Dispatcher.DispatchTimeout | Dispatcher.DispatcherClosed
  >()
  expect<Stream.Services<typeof kept>>().type.toBe<Dispatcher.Dispatcher | FileSystem.FileSystem>()
})

test("only streams of outcomes have failures to keep", () => {
  expect(Failures.keep("failed.ndjson")).type.not.toBeCallableWith(Stream.make(1, 2))
})
