/** What the parts print, and when they have failed. */
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"

/** Mistakes that are printed; the others are counted. */
const SHOWN = 10

export const heading = (text: string) => Console.log(`\n${text}`)

/** One figure, and what it should be. It never fails a part. */
export const figure = (what: string, value: string, wanted?: string) =>
  Console.log(`  ${what.padEnd(52)} ${value.padStart(12)}${wanted === undefined ? "" : `   wanted: ${wanted}`}`)

export const millis = (n: number): string => `${n.toFixed(n < 10 ? 1 : 0)} ms`

export const median = (numbers: ReadonlyArray<number>): number =>
  numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)]

/** Prints what was wrong; whether nothing was. */
export const verdict = (wrong: ReadonlyArray<string>): Effect.Effect<boolean> =>
  Effect.gen(function*() {
    for (const mistake of wrong.slice(0, SHOWN)) yield* Console.log(`  WRONG: ${mistake}`)
    if (wrong.length > SHOWN) yield* Console.log(`  WRONG: and ${wrong.length - SHOWN} more`)
    return wrong.length === 0
  })

/** The effect's value, and how long it took in milliseconds. */
export const timed = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<readonly [A, number], E, R> =>
  Effect.suspend(() => {
    const since = performance.now()
    return Effect.map(effect, (value) => [value, performance.now() - since] as const)
  })
