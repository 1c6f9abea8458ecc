import { ThreadWorker } from "poolifier"
import * as Work from "../../workload/functions.ts"

/** Poolifier does not know whether a task has data. */
const withData = <A>(work: (payload: A) => unknown) => (payload?: A) => work(payload!)

const echo = withData(Work.echo)

// It has no way to transfer a result: what is echoed is copied back.
export default new ThreadWorker<never, unknown>({
  inc: withData(Work.inc),
  spin: withData(Work.spin),
  sum: withData(Work.sum),
  echo,
  echoMoved: echo
})
