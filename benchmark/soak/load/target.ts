/** A dispatcher under load, and the record of all that was expected of its tasks and did not happen. */
import type { Dice } from "../../../src/testing/random.ts"

/** The properties of a dispatcher on which expected outcomes depend. */
export interface Target {
  readonly name: string
  /** Its tasks run in worker threads. */
  readonly threads: boolean
  /** Values are copied and validated. */
  readonly copies: boolean
  /** Its tasks may end their threads, and keep them busy without end. */
  readonly crashes: boolean
  /** A loss of a thread may concern other tasks than the one that caused it. */
  readonly shared: boolean
}

/** The number of mistakes that are printed in full. */
const MAX_PRINTED = 20

/** Counts, of bounded size: the soak itself must not grow. */
export class Ledger {
  tasks = 0
  scenarios = 0
  mistakes = 0
  private readonly print: (text: string) => void
  private readonly leak: number
  private readonly leaked: Array<Uint8Array> = []

  /** @param leak bytes to retain of every task */
  constructor(print: (text: string) => void, leak: number) {
    this.print = print
    this.leak = leak
  }

  add(tasks: number): void {
    this.tasks += tasks
    if (this.leak > 0) this.leaked.push(new Uint8Array(this.leak * tasks))
  }

  mistake(text: string): void {
    if (++this.mistakes <= MAX_PRINTED) this.print(`MISTAKE: ${text}`)
  }
}

/** One scenario: all its choices come from its dice, so that its name and seed repeat them. */
export interface Load {
  readonly dice: Dice
  readonly target: Target
  /** Counts `tasks` that have their expected outcomes. */
  readonly done: (tasks: number) => void
  readonly mistake: (text: string) => void
}
