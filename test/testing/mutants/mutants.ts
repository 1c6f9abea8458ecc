/** Dispatchers with one deliberate fault each, to show that the laws can fail. */
import type { Subject } from "papyros/testing"
import {
  countsAllAsRunning,
  doubles,
  endsNothing,
  endsRunsEarly,
  endsUnfinished,
  fiber,
  idlesForSlots,
  idleWhen,
  ignoresBufferSize,
  losesPushes,
  mixes,
  neverExpires,
  reorders,
  same,
  seam,
  starves,
  turnForEachRun
} from "./verbs.ts"
import {
  AcceptsLate,
  Alters,
  AttributesToNeighbour,
  Between,
  between,
  ConfusesReasons,
  CopiesLate,
  CountsUnclaimed,
  Drops,
  DropsTail,
  ForgetsLoss,
  LeaksSlot,
  local,
  lossy,
  oneScope,
  RerunsMates,
  StartsTwice,
  SwallowsDefect,
  TakesTimeoutForEnd
} from "./workers.ts"

export interface Broken {
  /** The fault of the dispatcher, as the rest of the sentence "a dispatcher that". */
  readonly name: string
  /** The law that the dispatcher breaks, and the message of that law. */
  readonly law: number
  readonly says: RegExp
  readonly subject: Subject
}

/** The same wrappers without a fault. Every law must hold on them. */
export const whole: ReadonlyArray<{ readonly name: string; readonly subject: Subject }> = [
  { name: "workers behind a wrapper", subject: between(Between) },
  { name: "lost workers behind a wrapper", subject: lossy(Between) },
  { name: "verbs behind a wrapper", subject: fiber(seam(() => ({}))) }
].map(({ name, subject }) => ({ name, subject: { ...subject, patience: 10_000 } }))

/** A dispatcher on which a law polls until its time limit, which shall come soon. No other failure is expected of it. */
const hanging = (subject: Subject): Subject => ({ ...subject, patience: 500 })

export const broken: ReadonlyArray<Broken> = [
  { name: "alters a value", law: 1, says: /outcome of task \d+, a Transform/, subject: between(Alters) },
  {
    name: "passes by reference and says that it copies",
    law: 1,
    says: /bytes of task|caller's tasks afterwards/,
    subject: { ...fiber(same), boundary: "codec" }
  },
  {
    name: "copies results when they are sent",
    law: 1,
    says: /result of task \d+, whose memory is used again/,
    subject: { ...between(CopiesLate), boundary: "codec" }
  },
  { name: "drops a task", law: 2, says: /did not end/, subject: between(Drops) },
  { name: "doubles an outcome", law: 2, says: /indices of the results|did not end/, subject: fiber(doubles) },
  { name: "reorders", law: 2, says: /results before the failure/, subject: fiber(reorders) },
  {
    name: "drops the tail of a requeued chunk",
    law: 3,
    says: /did not end/,
    subject: between(DropsTail, 6, { loss: 0 })
  },
  { name: "swallows a defect", law: 4, says: /outcome of task \d+, a Die/, subject: between(SwallowsDefect) },
  { name: "gives a wrong reason", law: 4, says: /TimedOut.*saw.*Interrupted/, subject: between(ConfusesReasons) },
  {
    name: "does not validate and says that it does",
    law: 4,
    says: /part that does not fit/,
    subject: { ...fiber(same), boundary: "codec" }
  },
  { name: "ends before finalizers have run", law: 5, says: /finalizers ran/, subject: fiber(endsUnfinished) },
  { name: "ends and stops nothing", law: 5, says: /finalizers ran|did not end/, subject: fiber(endsNothing) },
  {
    name: "ends single tasks before their handlers have stopped",
    law: 5,
    says: /ended before their handlers/,
    subject: fiber(endsRunsEarly)
  },
  {
    name: "leaks a slot",
    law: 6,
    says: /did not end/,
    subject: hanging(between(LeaksSlot, 2, { loss: 0, giveBack: 0, leave: 0 }))
  },
  { name: "runs too many", law: 6, says: /ran at once|tasks run/, subject: fiber(same, { concurrency: 4 }) },
  {
    name: "ignores its capacity",
    law: 6,
    says: /accepted and not started/,
    subject: fiber(same, { capacity: "unbounded" })
  },
  { name: "ignores bufferSize", law: 6, says: /pulled and not taken/, subject: fiber(ignoresBufferSize) },
  { name: "loses pushed tasks", law: 7, says: /did not end/, subject: fiber(losesPushes) },
  {
    name: "counts all that it holds as running",
    law: 6,
    says: /running and waiting|did not end/,
    subject: hanging(fiber(countsAllAsRunning))
  },
  { name: "pops a result twice", law: 7, says: /popped|size|pop|did not end/, subject: fiber(doubles) },
  { name: "closes a queue and stops nothing", law: 7, says: /finalizers ran/, subject: fiber(endsNothing) },
  { name: "mixes executions", law: 8, says: /results of owner/, subject: fiber(mixes) },
  { name: "gives each single run a turn", law: 8, says: /runs started before/, subject: fiber(turnForEachRun) },
  { name: "serves the oldest first", law: 8, says: /did not end/, subject: fiber(starves) },
  {
    name: "counts all time as idle",
    law: 9,
    says: /timed out after|results before the timeout/,
    subject: fiber(idleWhen(() => true))
  },
  {
    name: "counts a silent source and a slow consumer as idle",
    law: 9,
    says: /timed out after|results before the timeout/,
    subject: fiber(idleWhen((moment) => moment === "settled"))
  },
  {
    name: "counts the pause before a retry as idle",
    law: 9,
    says: /timed out after|results before the timeout/,
    subject: fiber(idleWhen((moment) => moment === "failed"))
  },
  {
    name: "counts the wait for the slots of others as idle",
    law: 9,
    says: /others held every slot/,
    subject: fiber(idlesForSlots)
  },
  { name: "never times out", law: 9, says: /did not time out|did not end/, subject: hanging(fiber(neverExpires)) },
  {
    name: "attributes a loss to another task",
    law: 10,
    says: /blamed|WorkerLost|proven losses/,
    subject: lossy(AttributesToNeighbour)
  },
  {
    name: "runs settled mates again",
    law: 10,
    says: /its worker was not lost|not idempotent/,
    subject: lossy(RerunsMates)
  },
  { name: "counts unclaimed tasks as attempts", law: 10, says: /time as attempt/, subject: lossy(CountsUnclaimed) },
  {
    name: "accepts a late outcome",
    law: 10,
    says: /indices|outcomes|second answer|did not end/,
    subject: lossy(AcceptsLate)
  },
  {
    name: "starts a task that is not idempotent twice",
    law: 10,
    says: /not idempotent|as attempt/,
    subject: lossy(StartsTwice)
  },
  { name: "forgets the tasks of a lost worker", law: 10, says: /did not end/, subject: lossy(ForgetsLoss) },
  {
    name: "gives its handlers the scope of their Layer",
    law: 11,
    says: /resources that are held/,
    subject: oneScope()
  },
  { name: "retries a task that has not stopped", law: 12, says: /overlapped/, subject: local(TakesTimeoutForEnd) },
  {
    name: "ends before the tasks that timed out have stopped",
    law: 12,
    says: /finalizers ran/,
    subject: local(TakesTimeoutForEnd)
  }
]
