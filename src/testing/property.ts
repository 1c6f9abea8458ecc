/**
 * The properties that a law consists of. Each is checked with generated inputs on one dispatcher.
 *
 * A law is a value, so that it can be registered as tests and can be shown to fail on a broken dispatcher.
 */
import * as Arbitrary from "effect/Arbitrary"
import * as Cause from "effect/Cause"
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { format } from "effect/Formatter"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import type { Dispatcher } from "../Dispatcher.ts"
import { deepEqual } from "./deepEqual.ts"
import type * as History from "./history.ts"
import { Probe, Recorder } from "./probe.ts"

// ----------------------------------------------------------------------------
// Models
// ----------------------------------------------------------------------------

/**
 * The options with which a property opens the dispatcher that it checks.
 *
 * @stability unstable
 * @category models
 * @since 0.1.0
 */
export interface SubjectOptions {
  /** Tasks accepted and not started. Default `"unbounded"`. Set only if the subject declares `bounds`. */
  readonly capacity?: number | "unbounded" | undefined
  /** Receives every start, settlement and loss, if the dispatcher can report them. */
  readonly observe?: ((event: History.Event) => void) | undefined
  /** Chooses the injected faults, if the dispatcher injects faults. */
  readonly seed?: number | undefined
}

/**
 * A dispatcher to be checked, and the capabilities that it declares.
 *
 * @stability unstable
 * @category models
 * @since 0.1.0
 */
export interface Subject {
  /** Makes the dispatcher, with the handlers of `papyros/testing/handlers` for the tasks of `testing.Tasks`. */
  readonly layer: (options: SubjectOptions) => Layer.Layer<Dispatcher, unknown>
  /** `"codec"` if the dispatcher validates and copies payloads and results. */
  readonly boundary: "codec" | "none"
  /** The number of tasks of one type that the dispatcher runs at once, if there are enough. */
  readonly concurrency: number
  /** The number of tasks of all types that the dispatcher runs at once. Default: `concurrency`. */
  readonly slots?: number | undefined
  /** Whether the dispatcher accepts a capacity. */
  readonly bounds: boolean
  /** Whether the dispatcher ends tasks that never yield. */
  readonly endsBusyLoops: boolean
  /** Whether a `Perish` task ends only the worker that runs it. */
  readonly losesWorkers: boolean
  /** Whether a handler may wait for tasks on the same dispatcher, and lends its slot to them meanwhile. */
  readonly nests: boolean
  /** Whether the dispatcher uses the `Clock` of its Layer's context, which may be a `TestClock`. */
  readonly sharesClock: boolean
  /** Whether its handlers report to the `Probe` of its Layer's context. */
  readonly sharesMemory: boolean
  /** The longest that one run of a property may take, in milliseconds of real time. Default 10,000. */
  readonly patience?: number | undefined
  /** Multiplies the number of inputs of each property. Default 1. */
  readonly effort?: number | undefined
}

/**
 * A capability of a subject that a property may need.
 *
 * @stability unstable
 * @category models
 * @since 0.1.0
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
 * A statement about every dispatcher that has the needed capabilities.
 *
 * @stability unstable
 * @category models
 * @since 0.1.0
 */
export interface Property {
  readonly name: string
  readonly needs: ReadonlyArray<Capability>
  /** Fails with the smallest input found that breaks the property. */
  readonly check: (subject: Subject, options?: CheckOptions) => Effect.Effect<void, LawBroken>
}

/**
 * The options of a check of a property.
 *
 * @stability unstable
 * @category models
 * @since 0.1.0
 */
export interface CheckOptions {
  /** The number of inputs. Default 100, or fewer if the property uses real time or new workers for each input. */
  readonly runs?: number | undefined
  readonly seed?: number | undefined
  /** Attempts to find a smaller input that fails. Default 100. */
  readonly maxShrinks?: number | undefined
  /** The dispatcher that several properties use in turn. Default: each property opens and closes its own. */
  readonly shared?: SharedDispatcher | undefined
}

/**
 * One of the laws that every dispatcher satisfies.
 *
 * @stability unstable
 * @category models
 * @since 0.1.0
 */
export interface Law {
  readonly number: number
  readonly name: string
  readonly properties: ReadonlyArray<Property>
}

/**
 * Tests whether a subject has all capabilities that a property needs.
 *
 * @stability unstable
 * @category guards
 * @since 0.1.0
 */
export const applies = (property: Property, subject: Subject): boolean =>
  property.needs.every((need) => need === "codec" ? subject.boundary === "codec" : subject[need])

// ----------------------------------------------------------------------------
// Constructors
// ----------------------------------------------------------------------------

/** A dispatcher that is being checked. */
export interface Trial {
  readonly subject: Subject
  /** The reports of its handlers since the start of the run. */
  readonly seen: Recorder
  /** The starts, settlements and losses that the dispatcher reported, if it reports them. */
  readonly events: Array<History.Event>
  /** Closes the dispatcher's scope. */
  readonly close: Effect.Effect<void>
}

/** Defines a property by the condition that must hold for each input. */
export const property = <A>(name: string, options: {
  readonly input: Arbitrary.Arbitrary<A>
  readonly needs?: ReadonlyArray<Capability>
  /** Opens a dispatcher for each run. By default all runs share one, so that leaks accumulate. */
  readonly dispatcher?: (input: A) => SubjectOptions
  /** The number of inputs if the subject does not share the clock of the test. Default: 100. */
  readonly liveRuns?: number
  /** The shortest time limit of one run, in milliseconds. */
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
            // The later runs search for a smaller input, on a new dispatcher and with a shorter time limit.
            patience = Math.min(patience, 1000)
            const failed = shared.opened
            shared.opened = undefined
            // A broken dispatcher may never close, so the check does not wait for it.
            return Effect.andThen(
              failed === undefined ? Effect.void : Effect.forkDetach(failed.trial.close),
              Effect.fail(broken(cause))
            )
          })
        )
      const result = yield* Arbitrary.checkEffect(options.input, run, {
        runs: check?.runs ?? runsOf(subject, options.dispatcher !== undefined, options.liveRuns ?? RUNS),
        maxShrinks: check?.maxShrinks ?? 100,
        // Allows lists of up to 20 tasks: some faults need more than ten.
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

/** The time limit of one run of a property, in milliseconds. */
export const patienceOf = (subject: Subject): number => subject.patience ?? 10_000

const RUNS = 100

/** The number of runs if each run starts new workers. */
const RUNS_ANEW = 3

const runsOf = (subject: Subject, anew: boolean, live: number): number => {
  const onRealTime = anew && !subject.sharesMemory ? Math.min(RUNS_ANEW, live) : live
  return Math.ceil((subject.sharesClock ? RUNS : onRealTime) * (subject.effort ?? 1))
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
 * A dispatcher that properties use in turn, so that a leak of one property affects the next. The first run opens the
 * dispatcher; after a failed run the next run opens a new one.
 *
 * @stability unstable
 * @category models
 * @since 0.1.0
 */
export class SharedDispatcher {
  /** @internal */
  opened: Opened | undefined

  /** Closes the dispatcher's scope; fails if that takes longer than `patience` milliseconds. */
  close(patience: number): Effect.Effect<void, LawBroken> {
    return Effect.suspend(() => {
      const { opened } = this
      this.opened = undefined
      return opened === undefined ? Effect.void : within(opened.trial.close, patience)
    })
  }
}

/** Bounds an effect by `millis` of real time, without waiting for an effect that cannot be interrupted. */
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
 * The error of a dispatcher that breaks a law. The message holds the expected and the observed value.
 *
 * @stability unstable
 * @category errors
 * @since 0.1.0
 */
export class LawBroken extends Schema.TaggedError<LawBroken>("papyros/testing/LawBroken")("LawBroken", {
  message: Schema.String,
  /** The input that breaks the law, and the way to replay it. */
  details: Schema.optional(Schema.String)
}) {}

const broken = (cause: Cause.Cause<unknown>): LawBroken => {
  const error = Cause.squash(cause)
  return error instanceof LawBroken ? error : new LawBroken({ message: `ended with ${Cause.pretty(cause)}` })
}

/** Fails the law unless the condition holds. */
export const expect = (holds: boolean, message: () => string): Effect.Effect<void, LawBroken> =>
  Effect.suspend(() => holds ? Effect.void : Effect.fail(new LawBroken({ message: message() })))

/** Fails the law unless the values are structurally equal. */
export const expectEqual = (seen: unknown, expected: unknown, what: string): Effect.Effect<void, LawBroken> =>
  expect(deepEqual(seen, expected), () => `${what}: expected ${show(expected)}, saw ${show(seen)}`)

const show = (value: unknown): string => format(value).slice(0, 2000)
