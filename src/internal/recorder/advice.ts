/**
 * The changes that would make a run shorter, each with the most time that it saves: a rule for each cause, over the figures
 * of a recording.
 *
 * Must stay true: a gain is an upper bound of the time that following the advice saves, and small gains are not named.
 * `benchmark/advice` follows each piece of advice and checks that at least half of its gain comes.
 */
import type { Advice, TimeBudget, Totals } from "./model.ts"

/** The changes that advice names: each begins a sentence that continues with "would save up to". */
export interface Remedies {
  readonly fiber: string
  readonly pool: string
  readonly slots: (count: number) => string
  readonly input: string
  readonly consumer: string
  readonly order: string
  readonly autoChunks: string
}

/** The changes for programs: options. */
const programs: Remedies = {
  fiber: "FiberDispatcher",
  pool: "WorkerPoolDispatcher",
  slots: (count) => `FiberDispatcher, or some ${count} slots in all by a larger \`concurrency\`,`,
  input: "A source that reads ahead, as with Stream.buffer,",
  consumer: "Consuming several results at a time",
  order: "A larger `bufferSize`, or results that are not `ordered`,",
  autoChunks: "`chunkSize: \"auto\"`"
}

/** The figures that advice depends on. Times are milliseconds. */
export interface AdviceFacts {
  readonly duration: number
  readonly budget: TimeBudget
  readonly totals: Totals
  /** The mean run time of all tasks, and the longest one. */
  readonly meanRun: number
  readonly longestRun: number
  /** The type of the longest task. */
  readonly longestType: string | undefined
  /** Milliseconds of slots that were free without a task left, while other slots still ran tasks. */
  readonly tail: number
  /** The share of the time in which the main thread was busy, 0 to 1; that of worker threads, if there are any. */
  readonly mainThread: number
  readonly workerThreads: number | undefined
  /** All tasks run in the thread of the program. */
  readonly sharesThread: boolean
  /** The largest `chunkSize` that an execution was given. */
  readonly chunkSize: number | undefined
  readonly cpus: number
  readonly remedies?: Remedies | undefined
  /** The task that was lost with its worker most often, and how workers were lost. */
  readonly lostTask: string | undefined
  readonly lostCause: string | undefined
}

/** Below this, advice is not worth reading: milliseconds, and a share of the duration. */
const SHORTEST_RUN = 2000
const LEAST_GAIN = 0.15
const MAX_ADVICE = 2

/** The time that a chunk aims at, in milliseconds. */
const CHUNK_MILLIS = 0.7

/**
 * Shares of the time that the main thread takes for trivial tasks on a pool: the share that Fiber takes (measured from
 * 0.4 to 0.6), and the share that automatic chunks take (from 0.5 to 0.7). A gain is an upper bound, but at most twice
 * the gain that is reached.
 */
const FIBER_COST = 0.5
const AUTO_COST = 0.7

type Rule = (facts: AdviceFacts, share: (millis: number) => number, remedies: Remedies) => Advice | undefined

const seconds = (millis: number): string =>
  millis < 10_000 ? `${(millis / 1000).toFixed(1)} s` : `${Math.round(millis / 1000)} s`
const percent = (share: number): string => `${Math.round(100 * share)} %`

const small: Rule = ({ budget, duration, mainThread, meanRun, sharesThread }, share, { fiber }) => {
  if (sharesThread || share(budget.sending) < 0.4 || meanRun >= 0.02 || mainThread < 0.8) return undefined
  // The same work in one thread, without a boundary.
  const gain = duration - budget.running - FIBER_COST * mainThread * duration
  return {
    kind: "small",
    gain,
    text: `Tasks take ${(meanRun * 1000).toFixed(1)} µs, less than it costs to send them. ` +
      `${fiber}, or more work in each task, would save up to ${seconds(gain)}.`
  }
}

const oneThread: Rule = ({ cpus, duration, mainThread, meanRun, sharesThread }, _, { pool }) => {
  if (!sharesThread || mainThread < 0.95 || cpus < 2 || meanRun < 0.1) return undefined
  const gain = duration - duration * mainThread / cpus
  return {
    kind: "oneThread",
    gain,
    text: `All tasks ran in one thread, which was busy ${percent(mainThread)} of the time. There are ${cpus} CPUs: ` +
      `${pool} would save up to ${seconds(gain)}.`
  }
}

const waiting: Rule = ({ budget, duration, sharesThread, totals, workerThreads }, share, remedies) => {
  const running = share(budget.running)
  if (sharesThread || workerThreads === undefined || workerThreads >= 0.25 * running) return undefined
  const gain = duration * (running - workerThreads)
  const slots = Math.ceil(totals.slots / Math.max(workerThreads, 0.01))
  return {
    kind: "waiting",
    gain,
    text: `Threads were busy ${percent(workerThreads)} of the time and waited the rest, for example for I/O. ` +
      `${remedies.slots(slots)} would save up to ${seconds(gain)}.`
  }
}

const input: Rule = ({ budget, duration }, share, remedies) => {
  const gain = share(budget.input) * duration
  if (share(budget.input) < 0.2) return undefined
  return {
    kind: "input",
    gain,
    text: `Workers waited for input ${percent(share(budget.input))} of the time: more workers do not help. ` +
      `${remedies.input} would save up to ${seconds(gain)}.`
  }
}

const consumer: Rule = ({ budget, duration }, share, remedies) => {
  const gain = share(budget.consumer) * duration
  if (share(budget.consumer) < 0.2) return undefined
  return {
    kind: "consumer",
    gain,
    text:
      `Workers waited for the consumer of results ${
        percent(share(budget.consumer))
      } of the time: more workers do not ` +
      `help. ${remedies.consumer} would save up to ${seconds(gain)}.`
  }
}

const order: Rule = ({ budget, duration }, share, remedies) => {
  const gain = share(budget.order) * duration
  if (share(budget.order) < 0.2) return undefined
  return {
    kind: "order",
    gain,
    text: `Results waited for that of an earlier task ${percent(share(budget.order))} of the time. ` +
      `${remedies.order} would save up to ${seconds(gain)}.`
  }
}

const tail: Rule = ({ chunkSize, duration, longestRun, longestType, meanRun, tail, totals }, share, { autoChunks }) => {
  const slots = Math.max(1, totals.slots)
  // No run is shorter than its longest task.
  const gain = Math.min(share(tail) * duration, duration - longestRun)
  if (share(tail) < 0.1) return undefined
  if (chunkSize !== undefined && chunkSize > 1 && chunkSize * meanRun > tail / slots) {
    return {
      kind: "chunkSize",
      gain,
      text: `At the end, slots had no task left while others ran chunks of ${chunkSize}. ` +
        `${autoChunks} would save up to ${seconds(gain)}.`
    }
  }
  if (longestRun <= tail / slots) return undefined
  return {
    kind: "tail",
    gain,
    text: `At the end, slots had no task left while others ran long tasks: the longest${
      longestType === undefined ? "" : `, of ${longestType},`
    } took ${seconds(longestRun)}. Long tasks first, or smaller ones, would save up to ${seconds(gain)}.`
  }
}

const chunkSize: Rule = ({ budget, chunkSize, duration, mainThread, meanRun, sharesThread }, share, { autoChunks }) => {
  if (sharesThread || chunkSize === undefined || share(budget.sending) < 0.3) return undefined
  const auto = CHUNK_MILLIS / Math.max(meanRun, 1e-6)
  if (chunkSize >= auto / 2) return undefined
  const gain = Math.min(
    share(budget.sending) * duration * (1 - chunkSize / auto),
    duration - AUTO_COST * mainThread * duration
  )
  return {
    kind: "chunkSize",
    gain,
    text: `Sending chunks of ${chunkSize} took ${percent(share(budget.sending))} of the time of slots. ` +
      `${autoChunks} would save up to ${seconds(gain)}.`
  }
}

const lost: Rule = ({ duration, lostCause, lostTask, totals }) => {
  const share = totals.restarted / Math.max(1, totals.started)
  if (share < 0.05) return undefined
  const gain = share * duration
  return {
    kind: "lost",
    gain,
    text: `${percent(share)} of all starts were repeated because the worker was lost (${
      lostCause ?? "exit"
    }), most of them of ${lostTask ?? "unknown"}. A handler that does not end its worker would save up to ${
      seconds(gain)
    }.`
  }
}

const RULES: ReadonlyArray<Rule> = [small, oneThread, waiting, input, consumer, order, tail, chunkSize, lost]

/** At most two, the largest gain first. */
export const advise = (facts: AdviceFacts): ReadonlyArray<Advice> => {
  const { budget, duration } = facts
  if (duration < SHORTEST_RUN) return []
  const total = Object.values<number>({ ...budget }).reduce((sum, millis) => sum + millis, 0)
  const share = (millis: number): number => total > 0 ? millis / total : 0
  const found: Array<Advice> = []
  for (const rule of RULES) {
    const advice = rule(facts, share, facts.remedies ?? programs)
    if (advice !== undefined && advice.gain >= LEAST_GAIN * duration) found.push(advice)
  }
  // Small tasks and a fixed chunk size, for example, have one cause: the larger gain says it.
  found.sort((a, b) => b.gain - a.gain)
  return found.filter(({ kind }, i) => found.findIndex((other) => other.kind === kind) === i).slice(0, MAX_ADVICE)
}
