/** The handlers of the tasks, for `WorkerPoolDispatcher`. */
import * as Effect from "effect/Effect"
import * as Work from "./functions.ts"
import { group, type Inc, type Spin } from "./tasks.ts"

const inc = ({ n }: Pick<Inc, "n">) => Effect.sync(() => Work.inc(n))
const spin = (task: Pick<Spin, "iterations" | "seed">) => Effect.sync(() => Work.spin(task))
const echo = ({ bytes }: { readonly bytes: Uint8Array }) => Effect.sync(() => Work.echo(bytes))

export default group.toLayer({
  Inc: inc,
  IncB: inc,
  IncC: inc,
  IncD: inc,
  Spin: spin,
  SpinB: spin,
  SpinC: spin,
  SpinD: spin,
  Sum: (task) => Effect.sync(() => Work.sum(task)),
  Echo: echo,
  Move: echo
})
