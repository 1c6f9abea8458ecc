/**
 * The programs that the simulation runs, as plain data, and their generator.
 *
 * A seed determines its program. Two racing events must never be due at the same moment, so handlers
 * sleep for multiples of 10 ms and timeouts end in 5.
 */
import { Dice } from "../random.ts"

/** How a failing attempt fails. */
type FailureKind = "fail" | "die" | "throw" | "interrupt" | "misfit"

/** The behaviour of a task, attempt by attempt. */
export interface TaskPlan {
  readonly name: "Work" | "Side" | "Once" | "Brief" | "Absent"
  /** The number of times that the handler yields before it sleeps. */
  readonly yields: number
  readonly millis: number
  /** Attempts that fail, from the first. */
  readonly failures: number
  readonly how: FailureKind
  /** Runs until the simulation releases it, at a moment when nothing else can happen. */
  readonly hangs: boolean
  /** How long its finalizer takes, in turns and in milliseconds. */
  readonly cleanupYields: number
  readonly cleanupMillis: number
  /** Tasks that its handler waits for, and how. */
  readonly children: ReadonlyArray<TaskPlan>
  readonly nest: "runs" | "execute" | "ordered" | "queue"
}

/** When failed tasks are tried again. */
export interface RetryPlan {
  readonly kind: "times" | "spaced" | "exponential" | "while" | "whileEffect" | "until" | "defect"
  readonly times: number
  readonly millis: number
}

/** The fields that all producers share. */
interface ProducerPlan {
  /** The start of the producer, in milliseconds. */
  readonly at: number
  readonly chunkSize: number | "auto"
  readonly taskTimeout: number | undefined
  readonly retry: RetryPlan | undefined
}

/** One `execute` or `results`, with its source and its consumer. */
export interface ExecutionPlan extends ProducerPlan {
  readonly kind: "execution"
  readonly verb: "execute" | "results"
  readonly ordered: boolean
  readonly bufferSize: number | undefined
  readonly idleTimeout: number | undefined
  readonly source: "iterable" | "arrays" | "slow" | "endless"
  /** Tasks in an array of the source, where it has arrays. */
  readonly arraySize: number
  /** How the source ends. */
  readonly ending: "done" | "fail" | "die" | "silence" | "notATask"
  readonly tasks: ReadonlyArray<TaskPlan>
  /** Results after which the consumer stops. */
  readonly take: number | undefined
  /** How long the consumer works on each result. */
  readonly pause: number
  readonly interruptAt: number | undefined
}

/** A queue, with the fibers that push to it and pop from it. */
export interface QueuePlan extends ProducerPlan {
  readonly kind: "queue"
  readonly capacity: number | undefined
  readonly pushers: ReadonlyArray<{
    readonly at: number
    readonly gap: number
    readonly timeout: number | undefined
    readonly tasks: ReadonlyArray<TaskPlan>
  }>
  readonly poppers: ReadonlyArray<{
    readonly at: number
    readonly gap: number
    readonly timeout: number | undefined
    readonly how: "pop" | "popMany" | "toStream"
    /** The largest number of calls. */
    readonly calls: number
    readonly max: number | undefined
    readonly interruptAt: number | undefined
  }>
  readonly finish: "end" | "close" | "pushed" | "open"
  readonly finishAt: number
}

/** One task that is run by itself. */
export interface RunPlan {
  readonly kind: "run"
  readonly at: number
  readonly task: TaskPlan
  readonly interruptAt: number | undefined
}

/** One of the producers that a program runs side by side. */
export type ActorPlan = ExecutionPlan | QueuePlan | RunPlan

/**
 * A generated program, as plain data.
 *
 * @stability unstable
 * @category simulation
 * @since 0.1.0
 */
export interface ProgramPlan {
  readonly concurrency: number
  readonly capacity: number | undefined
  readonly actors: ReadonlyArray<ActorPlan>
  /** When the scope of the dispatcher closes while the program runs, in milliseconds. */
  readonly closeAt: number | undefined
}

/** The abilities of a dispatcher that programs may rely on. */
export interface Abilities {
  /** Handlers may wait for tasks of the dispatcher that runs them. */
  readonly nests: boolean
  /** Whether the nested tasks of a handler must be in the same half of the tasks as its own task. */
  readonly halves?: boolean | undefined
}

/** Names, repeated by their weight. */
const FIRST_HALF: ReadonlyArray<TaskPlan["name"]> = ["Work", "Work", "Work", "Once"]
const SECOND_HALF: ReadonlyArray<TaskPlan["name"]> = ["Side", "Side", "Brief"]

class Generator {
  private readonly dice: Dice
  private readonly abilities: Abilities
  /** Tasks that may still be made. */
  private left: number

  constructor(seed: number, abilities: Abilities) {
    this.dice = new Dice(seed ^ 0x9e3779b9)
    this.abilities = abilities
    this.left = this.dice.between(5, 40)
  }

  program(): ProgramPlan {
    const { dice } = this
    const actors: Array<ActorPlan> = []
    while (this.left > 0) {
      const kind = dice.below(10)
      actors.push(kind < 5 ? this.execution() : kind < 8 ? this.queue() : this.run())
    }
    return {
      concurrency: dice.pick([1, 2, 3, 8]),
      capacity: dice.chance(0.3) ? dice.between(1, 4) : undefined,
      actors,
      closeAt: dice.chance(0.15) ? this.bound(12) : undefined
    }
  }

  private maybe<A>(probability: number, f: () => A): A | undefined {
    return this.dice.chance(probability) ? f() : undefined
  }

  /** A timeout that never ends at the same moment as a sleep of a handler. */
  private bound(tens: number): number {
    return 10 * this.dice.below(tens) + 5
  }

  private begin(): number {
    return this.dice.chance(0.6) ? 0 : 10 * this.dice.below(8)
  }

  private tasks(most: number): Array<TaskPlan> {
    const flavour = this.dice.pick(["plain", "plain", "mixed", "failing"] as const)
    return Array.from({ length: this.dice.between(1, most) }, () => this.task(0, flavour))
  }

  private task(depth: number, flavour: "plain" | "mixed" | "failing", half?: TaskPlan["name"]): TaskPlan {
    const { dice } = this
    this.left--
    const quick = dice.chance(0.3)
    const fails = flavour !== "plain" && dice.chance(flavour === "failing" ? 0.6 : 0.15)
    const hangs = flavour === "mixed" && dice.chance(0.05)
    const nests = this.abilities.nests && depth < 2 && !quick && dice.chance(depth === 0 ? 0.08 : 0.25)
    const absent = flavour === "mixed" && dice.chance(0.03)
    const names = half === undefined
      ? [...FIRST_HALF, ...SECOND_HALF]
      : FIRST_HALF.includes(half)
      ? FIRST_HALF
      : SECOND_HALF
    const name = absent ? "Absent" : dice.pick(names)
    const children = nests && !absent
      ? Array.from(
        { length: dice.between(1, 3) },
        () => this.task(depth + 1, flavour, this.abilities.halves === true ? name : undefined)
      )
      : []
    return {
      name,
      yields: quick ? 0 : dice.below(4),
      millis: quick || dice.chance(0.3) ? 0 : 10 * dice.below(7),
      failures: fails ? dice.between(1, 4) : 0,
      how: dice.pick(["fail", "fail", "die", "throw", "interrupt", "misfit"] as const),
      hangs,
      cleanupYields: quick ? 0 : dice.pick([0, 0, 1, 3]),
      cleanupMillis: quick || dice.chance(0.8)
        ? 0
        : dice.chance(0.1)
        ? 1200
        : 10 * dice.between(1, 4),
      children,
      nest: dice.pick(["runs", "execute", "ordered", "queue"] as const)
    }
  }

  private retry(): RetryPlan {
    const { dice } = this
    const kinds = ["times", "times", "spaced", "exponential", "while", "whileEffect", "until"] as const
    return {
      kind: dice.chance(0.05) ? "defect" : dice.pick(kinds),
      times: dice.below(4),
      millis: 10 * dice.between(1, 3)
    }
  }

  private producer(): ProducerPlan {
    const { dice } = this
    return {
      at: this.begin(),
      chunkSize: dice.pick(["auto", "auto", 1, 2, 5]),
      taskTimeout: this.maybe(0.25, () => this.bound(8)),
      retry: this.maybe(0.4, () => this.retry())
    }
  }

  private execution(): ExecutionPlan {
    const { dice } = this
    const producer = this.producer()
    const endless = dice.chance(0.1)
    const tasks = this.tasks(12)
    return {
      ...producer,
      kind: "execution",
      verb: dice.pick(["execute", "results"]),
      ordered: dice.chance(0.5),
      bufferSize: this.maybe(endless ? 1 : 0.5, () => dice.between(1, 6)),
      idleTimeout: this.maybe(0.2, () => this.bound(10)),
      source: endless ? "endless" : dice.pick(["iterable", "iterable", "arrays", "slow"]),
      arraySize: dice.between(1, 4),
      ending: dice.chance(0.75)
        ? "done"
        : dice.pick(["fail", "die", "silence", "notATask"]),
      tasks,
      take: endless || dice.chance(0.15) ? dice.between(1, 8) : undefined,
      pause: dice.chance(0.75) ? 0 : 10 * dice.between(1, 3),
      interruptAt: this.maybe(0.12, () => this.bound(15))
    }
  }

  private queue(): QueuePlan {
    const { dice } = this
    const producer = this.producer()
    const pushers = Array.from({ length: dice.between(1, 2) }, () => ({
      at: this.begin(),
      gap: dice.chance(0.6) ? 0 : 10 * dice.between(1, 2),
      timeout: this.maybe(0.3, () => dice.chance(0.3) ? 0 : this.bound(5)),
      tasks: this.tasks(8)
    }))
    const poppers = Array.from({ length: dice.between(1, 3) }, () => ({
      at: this.begin(),
      gap: dice.chance(0.6) ? 0 : 10 * dice.between(1, 2),
      timeout: this.maybe(0.4, () => dice.chance(0.3) ? 0 : this.bound(6)),
      how: dice.pick(["pop", "pop", "popMany", "toStream"] as const),
      calls: dice.pick([2, 5, 30]),
      max: this.maybe(0.5, () => dice.between(1, 4)),
      interruptAt: this.maybe(0.15, () => this.bound(12))
    }))
    return {
      ...producer,
      kind: "queue",
      capacity: this.maybe(0.4, () => dice.between(1, 4)),
      pushers,
      poppers,
      finish: dice.pick(["pushed", "pushed", "pushed", "end", "close", "open"]),
      finishAt: this.bound(20)
    }
  }

  private run(): RunPlan {
    const { dice } = this
    return {
      kind: "run",
      at: this.begin(),
      task: this.task(0, dice.chance(0.6) ? "plain" : "mixed"),
      interruptAt: this.maybe(0.3, () => this.bound(8))
    }
  }
}

/** The program of a seed, for dispatchers with the given abilities. */
export const generate = (seed: number, abilities: Abilities): ProgramPlan => new Generator(seed, abilities).program()
