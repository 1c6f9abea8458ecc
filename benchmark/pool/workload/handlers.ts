/** The handlers module of `WorkerPoolDispatcher`: every task runs one of the functions. */
import * as Effect from "effect/Effect"
import * as Functions from "./functions.ts"
import { group, type Inc, type Spin } from "./tasks.ts"

const inc = ({ n }: Pick<Inc, "n">) => Effect.sync(() => Functions.inc(n))
const spin = (task: Pick<Spin, "iterations" | "seed">) => Effect.sync(() => Functions.spin(task))
const echo = ({ bytes }: { readonly bytes: Uint8Array }) => Effect.sync(() => Functions.echo(bytes))

export default group.toLayer({
  Inc: inc,
  IncB: inc,
  IncC: inc,
  IncD: inc,
  Spin: spin,
  SpinB: spin,
  SpinC: spin,
  SpinD: spin,
  Sum: (task) => Effect.sync(() => Functions.sum(task)),
  Echo: echo,
  Move: echo
})
