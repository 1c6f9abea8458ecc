/**
 * The state of a worker thread as the main thread sees it, and its only transitions. Every question about a thread
 * ("may it be sent work?", "has it joined the scheduler?") is answered from the one state. An event that has no
 * transition in a state changes nothing. See "State of a thread" in docs/internals/threads-protocol.md.
 */

export type ThreadStateName =
  /** Loads its handlers. */
  | "starting"
  /** Is sent work. */
  | "open"
  /** No item has been claimed or settled for some time: unclaimed items are revoked, and no work is sent. */
  | "held"
  /** An item has passed its deadline: no work is sent that would be lost if the thread must be terminated. */
  | "overdue"
  /** Both. */
  | "heldOverdue"
  /** Is sent no more work; ends when its requests are done. */
  | "retiring"
  /** Was told to end, or is being terminated. The items that it still runs are not to blame for the exit. */
  | "ending"
  /** As `ending`, after a fault that a running item or an ended one may have caused: no item is proven guilty. */
  | "endingAmbiguous"
  /** Was told to end before it was ready. */
  | "aborted"
  /** Has exited. */
  | "exited"

export type ThreadEvent =
  /** Its handlers are loaded. */
  | "ready"
  /** No item was claimed or settled for some time. */
  | "stalled"
  /** An item was claimed or settled. */
  | "progressed"
  /** An item has passed its deadline. */
  | "deadlinePassed"
  /** No item has passed its deadline. */
  | "deadlinesMet"
  /** Its last request is done. */
  | "drained"
  /** It is to be replaced. */
  | "retire"
  /** It is to end, in good order or not. */
  | "end"
  /** It reported a fault of an item that may have ended before. */
  | "ambiguousFault"
  | "exit"

type Transitions = Readonly<Partial<Record<ThreadEvent, ThreadStateName>>>

/** The events that end a thread that has joined, from each of its states. */
const endings: Transitions = { end: "ending", ambiguousFault: "endingAmbiguous", exit: "exited" }

/** The whole table, for the tests and the documentation. */
export const transitions: Readonly<Record<ThreadStateName, Transitions>> = {
  starting: { ready: "open", end: "aborted", exit: "exited" },
  open: { stalled: "held", deadlinePassed: "overdue", retire: "retiring", ...endings },
  held: { progressed: "open", drained: "open", deadlinePassed: "heldOverdue", retire: "retiring", ...endings },
  overdue: { deadlinesMet: "open", drained: "open", stalled: "heldOverdue", retire: "retiring", ...endings },
  heldOverdue: { progressed: "overdue", deadlinesMet: "held", drained: "open", retire: "retiring", ...endings },
  retiring: { ...endings },
  ending: { ambiguousFault: "endingAmbiguous", exit: "exited" },
  endingAmbiguous: { exit: "exited" },
  aborted: { ready: "ending", exit: "exited" },
  exited: {}
}

export class ThreadState {
  private current: ThreadStateName = "starting"

  get name(): ThreadStateName {
    return this.current
  }

  /** Applies an event; returns whether the state changed. */
  on(event: ThreadEvent): boolean {
    const next = transitions[this.current][event]
    if (next === undefined) return false
    this.current = next
    return true
  }

  /** It may be sent work. */
  get acceptsWork(): boolean {
    return this.current === "open"
  }

  get starting(): boolean {
    return this.current === "starting"
  }

  /** The scheduler knows it as a worker. */
  get joined(): boolean {
    return this.current !== "starting" && this.current !== "aborted" && this.current !== "exited"
  }

  get retiring(): boolean {
    return this.current === "retiring"
  }

  /** It was told to end, or is being terminated. */
  get ending(): boolean {
    return this.current === "ending" || this.current === "endingAmbiguous" || this.current === "aborted"
  }

  /** The attribution of its exit; `undefined` if the items that it ran are to be examined. */
  get attribution(): "nobody" | "ambiguous" | undefined {
    return this.current === "endingAmbiguous" ? "ambiguous" : this.ending ? "nobody" : undefined
  }
}
