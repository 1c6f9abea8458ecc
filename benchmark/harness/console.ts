/**
 * Output of the `faults` suite: its figures, each beside the intended value, and the mistakes that it found.
 *
 * Only a mistake fails a case. A figure never does.
 */
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"

/** The number of mistakes that are printed in full. */
const MAX_PRINTED = 10

export const heading = (text: string) => Console.log(`\n${text}`)

/** Prints one figure and, where there is one, the intended value. */
export const figure = (label: string, value: string, target?: string) =>
  Console.log(`  ${label.padEnd(52)} ${value.padStart(12)}${target === undefined ? "" : `   target: ${target}`}`)

export const millis = (n: number): string => `${n.toFixed(n < 10 ? 1 : 0)} ms`

export const median = (numbers: ReadonlyArray<number>): number =>
  numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)]

/** Prints the mistakes of a case, and returns whether it passed. */
export const printMistakes = (mistakes: ReadonlyArray<string>): Effect.Effect<boolean> =>
  Effect.gen(function*() {
    for (const mistake of mistakes.slice(0, MAX_PRINTED)) yield* Console.log(`  MISTAKE: ${mistake}`)
    if (mistakes.length > MAX_PRINTED) yield* Console.log(`  MISTAKE: and ${mistakes.length - MAX_PRINTED} more`)
    return mistakes.length === 0
  })
