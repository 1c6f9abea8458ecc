/**
 * Where the time of slots went: times that are known exactly, and the reasons of free slots, which are sampled.
 *
 * Must stay true: the members of a budget are at least 0 and add up to the time of all slots, those that were starting
 * included.
 */
import type { FreeReason } from "../scheduler/producer.ts"
import type { TimeBudget } from "./model.ts"

/** Times of slots, in milliseconds. */
export interface SlotTimes {
  /** Of all slots that had joined. */
  readonly joined: number
  /** In which a slot held a task; at most `joined`. */
  readonly occupied: number
  /** That workers spent on tasks; at most `occupied`. */
  readonly running: number
  readonly starting: number
}

export class FreeSlots {
  /** Milliseconds of slots that were free for a reason when it was sampled. */
  private readonly sampled = new Map<FreeReason, number>()

  /** Of `noTasks`: while other slots ran tasks. */
  private tailMillis = 0

  /** Slots were free without a task left, while others ran tasks. */
  addTail(slotMillis: number): void {
    this.tailMillis += slotMillis
  }

  /** The part of the budget in which slots were free without a task left, while others ran tasks. */
  tail({ noTasks }: TimeBudget): number {
    const sampled = this.sampled.get("noTasks") ?? 0
    return sampled > 0 ? noTasks * Math.min(1, this.tailMillis / sampled) : 0
  }

  add(reason: FreeReason, slotMillis: number): void {
    this.sampled.set(reason, (this.sampled.get(reason) ?? 0) + slotMillis)
  }

  /** Splits the time of free slots as the samples were. */
  budget({ joined, occupied, running, starting }: SlotTimes): TimeBudget {
    const free = Math.max(0, joined - occupied)
    let sampled = 0
    for (const millis of this.sampled.values()) sampled += millis
    const share = (reason: FreeReason): number =>
      sampled === 0 ? (reason === "noTasks" ? free : 0) : (this.sampled.get(reason) ?? 0) / sampled * free
    return {
      running,
      sending: Math.max(0, occupied - running) + share("sending"),
      starting,
      input: share("input"),
      consumer: share("consumer"),
      order: share("order"),
      retry: share("retry"),
      noTasks: share("noTasks")
    }
  }
}
