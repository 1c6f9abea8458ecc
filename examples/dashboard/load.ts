/** A mixed load: long and short tasks, failures, a task that ends its threads, a pause of the source. */
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as Dispatcher from "papyros/Dispatcher"
import { Archive, Crash, Hash, Probe, Resize } from "./tasks.ts"

/** The same numbers in every run. */
const random = (seed: number) => () => (seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0) / 2 ** 32

/** About a second of work for each of so many threads. */
const second = (n: number, threads: number, next: () => number) => {
  const images = Array.from({ length: 6 * threads }, (_, i) =>
    new Resize({
      file: `photos/${2019 + n % 7}/IMG_${1000 * n + i}.CR2`,
      millis: 60 + 240 * next() ** 3,
      corrupt: next() < 0.01
    }))
  const files = Array.from({ length: 40 * threads }, (_, i) => new Hash({ file: `file-${n}-${i}`, rounds: 200 }))
  // A million small tasks come every half minute.
  const probes = n % 30 === 20 ? Array.from({ length: 200_000 }, (_, i) => new Probe({ n: i })) : []
  const rare = [
    ...(n % 40 === 25 ? [new Crash({})] : []),
    ...(n % 25 === 12 ? [new Archive({ millis: 6000 })] : [])
  ]
  return [...rare, ...images, ...files, ...probes]
}

/** Runs for so many seconds, and longer where there are fewer CPUs than threads. */
export const load = (seconds: number, threads: number) =>
  Stream.suspend(() => {
    const next = random(7)
    return Stream.range(0, seconds - 1).pipe(
      // The source has nothing for three seconds.
      Stream.tap((n) => n % 45 === 35 ? Effect.sleep("3 seconds") : Effect.void),
      Stream.flatMap((n) => Stream.fromIterable(second(n, threads, next)))
    )
  }).pipe(Dispatcher.results({ retry: { times: 1, while: ({ reason }) => reason._tag === "Failed" } }))
