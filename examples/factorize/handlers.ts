/** The handlers of this example. The default export of a handlers module is the Layer of its handlers. */
import * as Effect from "effect/Effect"
import { NotPositive, Tasks } from "./tasks.ts"

/** Computes the factors by trial division. */
const primeFactors = (n: number): Array<number> => {
  const factors: Array<number> = []
  let rest = n
  for (let factor = 2; factor * factor <= rest; factor++) {
    for (; rest % factor === 0; rest /= factor) factors.push(factor)
  }
  if (rest > 1) factors.push(rest)
  return factors
}

export default Tasks.toLayer({
  Factorize: ({ n }) =>
    n > 0 ? Effect.sync(() => ({ n, factors: primeFactors(n) })) : Effect.fail(new NotPositive({ n }))
})
