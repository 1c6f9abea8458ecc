import type * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type * as Dispatcher from "papyros/Dispatcher"
import * as Progress from "papyros/Progress"
import { describe, expect, it } from "tstyche"
import type { Read } from "./fixtures/tasks.ts"

declare const numbers: Stream.Stream<number, "error", "requirement">
declare const results: Stream.Stream<Dispatcher.TaskResult<Read>>
declare const total: Effect.Effect<number, never, "other">

describe("Progress", () => {
  it("keeps the type of a stream", () => {
    expect(numbers.pipe(Progress.track())).type.toBe<Stream.Stream<number, "error", "requirement">>()
    expect(results.pipe(Progress.track({ label: "Read", total: 10 }))).type.toBe<
      Stream.Stream<Dispatcher.TaskResult<Read>>
    >()
  })

  it("requires the services of its total", () => {
    expect(numbers.pipe(Progress.track({ total }))).type.toBe<
      Stream.Stream<number, "error", "requirement" | "other">
    >()
    expect(Progress.track).type.not.toBeCallableWith({ total: Stream.make(1) })
  })

  it("asks about failures only what the elements are", () => {
    expect(numbers.pipe(Progress.track({ failed: (n: number) => n > 0 }))).type.toBe<
      Stream.Stream<number, "error", "requirement">
    >()
    expect(Progress.track({ failed: (s: string) => s === "" })).type.not.toBeCallableWith(numbers)
  })
})
