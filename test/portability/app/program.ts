/** Runs tasks that work and tasks that misbehave, and prints one line for each observation. */
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import * as Dispatcher from "papyros/Dispatcher"
import { Misbehave, Root } from "./tasks.ts"

const print = (line: string) => Effect.sync(() => console.log(line))

const tasks = Effect.gen(function*() {
  const roots = Array.from({ length: 500 }, (_, n) => new Root({ n }))
  const results = yield* Stream.runCollect(Dispatcher.execute(roots, { ordered: true }))
  const inOrder = results.every(({ bytes, root }, n) => root === Math.sqrt(n) && bytes.length === n)
  yield* print(`${results.length} roots, ${inOrder ? "in order" : "not in order"}`)

  const [negative] = yield* Stream.runCollect(Dispatcher.results([new Root({ n: -1 })]))
  yield* print(`negative: ${negative.result._tag === "Failure" && negative.result.failure.reason._tag}`)

  for (const how of ["logs", "throws late", "rejects late", "loops", "exits"] as const) {
    const options = how === "loops" ? { taskTimeout: "200 millis" } as const : {}
    const [{ result }] = yield* Stream.runCollect(Dispatcher.results([new Misbehave({ how })], options))
    yield* print(
      `${how}: ` + Result.match(result, {
        onSuccess: (value) => value,
        onFailure: ({ message, reason }) =>
          `${reason._tag}${/ late/.test(message) ? `, ${/\w+ late/.exec(message)![0]}` : ""}`
      })
    )
  }
  const after = yield* new Root({ n: 9 })
  yield* print(`afterwards: ${after.root}`)
})

/** Runs the tasks, closes the dispatcher, and prints `OK`. */
export const program = <E>(dispatcher: Layer.Layer<Dispatcher.Dispatcher, E>) =>
  tasks.pipe(Effect.provide(dispatcher), Effect.andThen(print("OK")))
