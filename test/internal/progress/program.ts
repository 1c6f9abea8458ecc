/** A program that shows progress, for tests in a terminal. Its argument says how it ends. */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as Progress from "papyros/Progress"

const paced = (count: number, pause: Duration.Input) =>
  Stream.range(1, count).pipe(
    Stream.rechunk(1),
    Stream.tap(() => Effect.sleep(pause))
  )

const print = (n: number) =>
  Effect.sync(() => {
    if (n % 10 === 0) console.log(`log ${n}`)
    // A line in two parts, the second as bytes.
    if (n === 12) process.stderr.write("one ")
    if (n === 15) process.stderr.write(new TextEncoder().encode("line\n"))
  })

const resize = paced(30, "30 millis").pipe(
  Progress.track({ label: "画像のサイズ", total: 30, failed: (n: number) => n % 3 === 0 }),
  Stream.runForEach(print)
)

const upload = paced(40, "30 millis").pipe(
  Progress.track({ label: "👨‍👩‍👧 Upload", total: Effect.succeed(40) }),
  Stream.runDrain
)

const waiting = Progress.track({ label: "Waiting", total: 9 })(Stream.concat(Stream.make(1), Stream.never))

const ends: Readonly<Record<string, Effect.Effect<void>>> = {
  "at its end": Effect.asVoid(Effect.all([resize, upload], { concurrency: 2 })),
  never: Stream.runDrain(waiting),
  exit: Effect.raceFirst(Stream.runDrain(waiting), Effect.delay(Effect.sync(() => process.exit(3)), "300 millis")),
  throws: Effect.raceFirst(
    Stream.runDrain(waiting),
    Effect.delay(
      Effect.sync(() => {
        queueMicrotask(() => {
          throw new Error("uncaught")
        })
      }),
      "300 millis"
    ).pipe(Effect.andThen(Effect.never))
  )
}

await Effect.runPromise(ends[process.argv[2]])
console.log("end")
