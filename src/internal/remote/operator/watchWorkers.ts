/**
 * The recordings of all workers of a name server as one, for a dashboard.
 *
 * Must stay true: no worker is asked while nobody looks. A worker that does not answer, or whose answer is not valid, is
 * asked again later, and disturbs no other.
 */
import * as Clock from "effect/Clock"
import type { Runner } from "effect/cluster/Runner"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as RcRef from "effect/RcRef"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Address from "../../address.ts"
import { MergedRecording } from "../../recorder/merge.ts"
import type { Frame } from "../../recorder/model.ts"
import type { Part } from "../../recorder/part.ts"
import type { ViewedRecording } from "../../recorder/recording.ts"
import { sanitizeForLog } from "../../sanitize.ts"
import { operator } from "../auth/identity.ts"
import type { Secret } from "../auth/secret.ts"
import { openRpc } from "../client/connection.ts"
import { FailureDetails, Followed } from "./recordings.ts"

/** The time between two frames, and between two looks at the list of workers. */
const FRAME_EVERY = "500 millis"
/** How long a worker that failed is not asked again. */
const RETRY_EVERY = "1 second"
const ANSWER_TIMEOUT = "5 seconds"

export interface WatchOptions {
  /** The workers at this moment. */
  readonly members: () => ReadonlyArray<{ readonly group: string; readonly members: ReadonlyArray<Runner> }>
  readonly secret: Secret | undefined
  readonly maxTaskBytes: number
  readonly name: string
}

const decodeFollowed = Schema.decodeEffect(Followed)
const decodeFailure = Schema.decodeEffect(FailureDetails)

/** The recording of all workers. It has no history: its columns stay with the workers. */
export const watchWorkers = Effect.fnUntraced(function*(
  options: WatchOptions
): Effect.fn.Return<ViewedRecording, never, Scope.Scope> {
  const clock = yield* Clock.Clock
  const millis = () => Number(clock.monotonicTimeNanosUnsafe()) / 1e6
  const began = millis()
  const merged = new MergedRecording(
    options.name,
    clock.currentTimeMillisUnsafe(),
    () => millis() - began
  )
  /** The worker of each part, for the details of its failures. */
  const runners = new Map<string, Runner>()

  const connect = (runner: Runner) => openRpc(runner, { ...operator, secret: options.secret }, options.maxTaskBytes)

  const watch = (prefix: string, runner: Runner): Effect.Effect<void> =>
    Effect.suspend(() => {
      let part: Part | undefined
      return Effect.flatMap(connect(runner), ({ rpc }) =>
        Stream.runForEach(rpc.client.Watch(), (text) =>
          Effect.flatMap(decodeFollowed(text), (followed) => {
            if ("snapshot" in followed) {
              part = merged.snapshot(prefix, followed.snapshot)
              return Effect.void
            }
            return part === undefined || merged.frame(part, followed.frame) ? Effect.void : Effect.fail("gap")
          }))).pipe(
          Effect.scoped,
          // A worker that stops answering is shown as lost.
          Effect.catchCause((cause) =>
            Effect.logDebug(`Watching ${prefix}ended.`, cause)
          ),
          Effect.ensuring(Effect.sync(() => {
            if (part !== undefined) {
              merged.leave(part)
            }
          }))
        )
    })

  /** Watches each worker while it is registered. */
  const watchAll = Effect.gen(function*() {
    const watching = new Map<string, Fiber.Fiber<void>>()
    const scope = yield* Effect.scope
    return yield* Effect.forever(Effect.gen(function*() {
      const now = new Map<string, Runner>()
      for (const { group, members } of options.members()) {
        for (const runner of members) {
          const address = Address.format(runner.address)
          now.set(sanitizeForLog(group === "default" ? `${address} ` : `${group} ${address} `), runner)
        }
      }
      for (const [prefix, fiber] of watching) {
        if (now.has(prefix)) continue
        watching.delete(prefix)
        yield* Fiber.interrupt(fiber)
      }
      for (const [prefix, runner] of now) {
        runners.set(prefix, runner)
        if (watching.has(prefix)) continue
        const again = watch(prefix, runner).pipe(Effect.andThen(Effect.sleep(RETRY_EVERY)), Effect.forever)
        watching.set(prefix, yield* Effect.forkIn(again, scope))
      }
      yield* Effect.sleep(FRAME_EVERY)
    }))
  })

  const looking = yield* RcRef.make({ acquire: Effect.forkScoped(watchAll) })
  const frames: Stream.Stream<Frame> = Stream.unwrap(Effect.as(
    RcRef.get(looking),
    Stream.fromEffectRepeat(Effect.andThen(Effect.sleep(FRAME_EVERY), Effect.sync(() => merged.toFrame())))
  ))
  return {
    snapshot: Effect.sync(() => merged.toSnapshot()),
    frames,
    history: Effect.succeedNone,
    failure: (id) => {
      const origin = merged.originOf(id)
      const runner = origin && runners.get(origin.part.prefix)
      if (origin === undefined || runner === undefined) return Effect.succeedNone
      return Effect.flatMap(connect(runner), ({ rpc }) => rpc.client.Failure({ id: origin.id })).pipe(
        Effect.flatMap(decodeFailure),
        Effect.scoped,
        Effect.timeout(ANSWER_TIMEOUT),
        Effect.map((failure) => failure === null ? Option.none() : Option.some(merged.detailsOf(origin.part, failure))),
        Effect.catchCause(() => Effect.succeedNone)
      )
    }
  }
})
