/** The worker of poolifier. It cannot transfer a result: the bytes of `echoMoved` are copied back. */
import { ThreadWorker } from "poolifier"
import * as Functions from "../../workload/functions.ts"

/** The types of poolifier allow a task without data; every task here has some. */
const withData = <A>(call: (payload: A) => unknown) => (payload?: A) => call(payload!)

const echo = withData(Functions.echo)

export default new ThreadWorker<never, unknown>({
  inc: withData(Functions.inc),
  spin: withData(Functions.spin),
  sum: withData(Functions.sum),
  echo,
  echoMoved: echo
})
