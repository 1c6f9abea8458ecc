/**
 * What a law is made of: properties, each checked over generated inputs on one
 * dispatcher. A law is a value, so that it can be registered as tests and also be
 * shown to fail on a dispatcher that is broken on purpose.
 */
import * as Arbitrary from "effect/Arbitrary"
import * as Cause from "effect/Cause"
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import { inspect, isDeepStrictEqual } from "node:util"
import type { Dispatcher } from "../Dispatcher.ts"
import type * as History from "./history.ts"
import { Probe, Recorder } from "./probe.ts"

// ----------------------------------------------------------------------------
// Models
// ----------------------------------------------------------------------------

/**
 * What a dispatcher is asked for while it is tried.
 *
 * @category models
 */
export interface SubjectOptions {
  /** Tasks accepted and not started. Default `"unbounded"`. Asked for only if `bounds`. */
  readonly capacity?: number | "unbounded" | undefined
  /** To be told of every start, settlement and loss, by who can. */
  readonly observe?: ((event: History.Event) => void) | undefined
  /** Chooses what goes wrong, where that is not only up to the tasks. */
  readonly seed?: number | undefined
}

/**
 * A dispatcher to be tried, and what it declares of itself.
 *
 * @category models
 */
export interface Subject {
  /** Makes the dispatcher, with the handlers of `papyros/testing/handlers` for the tasks of `testing.Tasks`. */
  readonly layer: (options: SubjectOptions) => Layer.Layer<Dispatcher, unknown>
  /** `"codec"`: validates and copies what crosses it. */
  readonly boundary: "codec" | "none"
  /** The most tasks of one type that it runs at once; it runs so many if they are there. */
  readonly concurrency: number
  /** The same over all types. Default: `concurrency`. */
  readonly slots?: number | undefined
  /** Takes a capacity. */
  readonly bounds: boolean
  /** Ends tasks that never yield. */
  readonly endsBusyLoops: boolean
  /** A `Perish` task ends the worker that runs it, and nothing else. */
  readonly losesWorkers: boolean
  /** A handler may wait for tasks on it, and lends its slot to them meanwhile. */
  readonly nests: boolean
  /** Time is the `Clock` that its Layer is built with, which a `TestClock` may be. */
  readonly sharesClock: boolean
  /** Its handlers tell the `Probe` that its Layer is built with. */
  readonly sharesMemory: boolean
  /** The longest that one run of a property may take, in milliseconds of real time. Default 10,000. */
  readonly patience?: number | undefined
  /** Multiplies the inputs that are tried where they are few because time passes or threads start. Default 1. */
  readonly effort?: number | undefined
}

/**
 * What a property may need of its subject.
 *
 * @category models
 */
export type Capability =
  | "bounds"
  | "codec"
  | "endsBusyLoops"
  | "losesWorkers"
  | "nests"
  | "sharesClock"
  | "sharesMemory"

/**
 * A sentence about every dispatcher with the capabilities that it needs.
 *
 * @category models
 */
export interface Property {
  readonly name: string
  readonly needs: ReadonlyArray<Capability>
  /** Fails with the smallest input found that breaks it. */
  readonly check: (subject: Subject, options?: CheckOptions) => Effect.Effect<void, LawBroken>
}

/**
 * How a property is checked.
 *
 * @category models
 */
export interface CheckOptions {
  /** Inputs to try. Default 100, or where time is real and passes, or each needs new workers, fewer. */
  readonly runs?: number | undefined
  readonly seed?: number | undefined
  /** Attempts to find a smaller input that fails. Default 100. */
  readonly maxShrinks?: number | undefined
  /** The dispatcher that several properties use in turn. Default: each opens and closes one. */
  readonly shared?: SharedDispatcher | undefined
}

/**
 * One of the laws that every dispatcher satisfies.
 *
 * @category models
 */
export interface Law {
  readonly number: number
  readonly name: string
  readonly properties: ReadonlyArray<Property>
}

/**
 * Whether a subject has all that a property needs.
 *
 * @category guards
 */
export const applies = (property: Property, subject: Subject): boolean =>
  property.needs.every((need) => need === "codec" ? subject.boundary === "codec" : subject[need])

// ----------------------------------------------------------------------------
// Constructors
// ----------------------------------------------------------------------------

/** A dispatcher that is being tried. */
export interface Trial {
  readonly subject: Subject
  /** What its handlers told since the run began. */
  readonly seen: Recorder
  /** What the dispatcher said of starts and losses, if it does. */
  readonly events: Array<History.Event>
  /** Ends the dispatcher's scope. */
  readonly close: Effect.Effect<void>
}

/** Defines a property by what must hold for each input. */
export const property = <A>(name: string, options: {
  readonly input: Arbitrary.Arbitrary<A>
  readonly needs?: ReadonlyArray<Capability>
  /** Gives each run a dispatcher of its own. Else all runs follow each other on one, where what leaks adds up. */
  readonly dispatcher?: (input: A) => SubjectOptions
  /** Inputs to try where the clock is not the test's. Default: as many as elsewhere. */
  readonly liveRuns?: number
  /** The least time that one run is given, in milliseconds. */
  readonly patience?: number
  readonly holds: (input: A, trial: Trial) => Effect.Effect<void, unknown, Dispatcher | Scope.Scope>
}): Property => ({
  name,
  needs: options.needs ?? [],
  check: (subject, check) =>
    Effect.gen(function*() {
      const context = yield* Effect.context<never>()
      let patience = Math.max(patienceOf(subject), subject.sharesClock ? 0 : options.patience ?? 0)
      const shared = options.dispatcher === undefined && check?.shared || new SharedDispatcher()
      const open = (input: A) =>
        options.dispatcher === undefined
          ? Effect.suspend(() => shared.opened === undefined ? start(subject, {}) : Effect.succeed(shared.opened))
          : start(subject, options.dispatcher(input))
      const run = (input: A): Effect.Effect<boolean, LawBroken> =>
        Effect.gen(function*() {
          const opened = yield* open(input)
          shared.opened = opened
          opened.trial.seen.reset()
          yield* Effect.scoped(options.holds(input, opened.trial)).pipe(Effect.provideContext(opened.context))
          if (options.dispatcher === undefined) return true
          yield* opened.trial.close
          shared.opened = undefined
          return true
        }).pipe(
          Effect.provideContext(context),
          (effect) => within(effect, patience),
          Effect.catchCause((cause) => {
            // What comes after is the search for a smaller input, on a new dispatcher and with less patience.
            patience = Math.min(patience, 1000)
            const failed = shared.opened
            shared.opened = undefined
            // A broken dispatcher may never close, and nobody waits for it.
            return Effect.andThen(
              failed === undefined ? Effect.void : Effect.forkDetach(failed.trial.close),
              Effect.fail(broken(cause))
            )
          })
        )
      const result = yield* Arbitrary.checkEffect(options.input, run, {
        runs: check?.runs ?? runsOf(subject, options.dispatcher !== undefined, options.liveRuns ?? RUNS),
        maxShrinks: check?.maxShrinks ?? 100,
        // Lists of up to as many tasks: what goes wrong between many does not between ten.
        size: 20,
        ...(check?.seed === undefined ? {} : { seed: check.seed })
      })
      if (shared !== check?.shared) yield* shared.close(patience)
      const failure = Arbitrary.formatCheckFailure(result)
      if (failure === undefined) return
      const reason = result._tag === "Falsified" && result.failure._tag === "PropertyError"
        ? result.failure.error.message
        : failure
      return yield* new LawBroken({ message: `${name}: ${reason}`, details: failure })
    })
})

/** How long one run of a property may take, in milliseconds. */
export const patienceOf = (subject: Subject): number => subject.patience ?? 10_000

const RUNS = 100

/** Runs that each start workers anew. */
const RUNS_ANEW = 3

const runsOf = (subject: Subject, anew: boolean, live: number): number => {
  if (subject.sharesClock) return RUNS
  return Math.ceil((anew && !subject.sharesMemory ? Math.min(RUNS_ANEW, live) : live) * (subject.effort ?? 1))
}

interface Opened {
  readonly trial: Trial
  readonly context: Context.Context<Dispatcher>
}

const start = (subject: Subject, options: SubjectOptions): Effect.Effect<Opened> =>
  Effect.gen(function*() {
    const seen = new Recorder()
    const events: Array<History.Event> = []
    const scope = yield* Scope.make()
    const layer = subject.layer({ ...options, observe: (event) => events.push(event) }).pipe(
      Layer.provide(Layer.succeed(Probe, seen))
    )
    const context = yield* Layer.buildWithMemoMap(layer, Layer.makeMemoMapUnsafe(), scope).pipe(Effect.orDie)
    return { trial: { subject, seen, events, close: Scope.close(scope, Exit.void) }, context }
  })

/**
 * A dispatcher that properties use in turn: what one of them leaves behind reaches
 * the next. The first run opens it; after a failed run the next one opens another.
 *
 * @category models
 */
export class SharedDispatcher {
  /** @internal */
  opened: Opened | undefined

  /** Ends the dispatcher's scope; fails if that takes longer than so many milliseconds. */
  close(patience: number): Effect.Effect<void, LawBroken> {
    return Effect.suspend(() => {
      const { opened } = this
      this.opened = undefined
      return opened === undefined ? Effect.void : within(opened.trial.close, patience)
    })
  }
}

/** Gives an effect so many milliseconds of real time, and does not wait for one that cannot be interrupted. */
const within = <A, E>(effect: Effect.Effect<A, E>, millis: number): Effect.Effect<A, E | LawBroken> =>
  Effect.contextWith((context: Context.Context<never>) =>
    Effect.callback<A, E | LawBroken>((resume) => {
      const fiber = Effect.runForkWith(context)(effect)
      const timer = setTimeout(() => {
        resume(Effect.fail(slow(millis)))
        fiber.interruptUnsafe()
      }, millis)
      fiber.addObserver((exit) => {
        clearTimeout(timer)
        resume(exit)
      })
      return Effect.sync(() => {
        clearTimeout(timer)
        fiber.interruptUnsafe()
      })
    })
  )

const slow = (millis: number) => new LawBroken({ message: `did not end within ${millis} ms` })

// ----------------------------------------------------------------------------
// Errors
// ----------------------------------------------------------------------------

/**
 * A dispatcher does not keep a law: what was expected and what was seen.
 *
 * @category errors
 */
export class LawBroken extends Schema.TaggedError<LawBroken>("papyros/testing/LawBroken")("LawBroken", {
  message: Schema.String,
  /** The input that was found, and how to replay it. */
  details: Schema.optional(Schema.String)
}) {}

const broken = (cause: Cause.Cause<unknown>): LawBroken => {
  const error = Cause.squash(cause)
  return error instanceof LawBroken ? error : new LawBroken({ message: `ended with ${Cause.pretty(cause)}` })
}

/** Fails the law unless it holds. */
export const expect = (holds: boolean, message: () => string): Effect.Effect<void, LawBroken> =>
  Effect.suspend(() => holds ? Effect.void : Effect.fail(new LawBroken({ message: message() })))

/** Fails the law unless the values are of one structure. */
export const expectEqual = (seen: unknown, expected: unknown, what: string): Effect.Effect<void, LawBroken> =>
  expect(isDeepStrictEqual(seen, expected), () => `${what}: expected ${show(expected)}, saw ${show(seen)}`)

const show = (value: unknown): string => inspect(value, { depth: 6, breakLength: Infinity }).slice(0, 2000)
