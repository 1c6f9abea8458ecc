/**
 * The registry, in which workers register and clients find them: a name server, or a `RunnerStorage` of Effect Cluster.
 *
 * Must stay true: `register` never fails, however long the registry is unavailable, and registers again whenever the
 * registration is lost. `members` reports a failure at once and goes on, so that a client can keep its last view.
 */
import type { Runner } from "effect/cluster/Runner"
import * as RunnerStorage from "effect/cluster/RunnerStorage"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import * as Result from "effect/Result"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { randomUUID } from "node:crypto"
import { sanitizeForLog } from "../../sanitize.ts"
import * as Secret from "../auth/secret.ts"
import { RemoteError, Unreachable } from "../transport/error.ts"
import * as RpcClient from "../transport/rpcClient.ts"
import * as NameServerClient from "./client.ts"
import { MemberView } from "./memberView.ts"

/** The workers of the group, now and after each change, or why the registry does not tell. Never ends. */
export type Members = Stream.Stream<Result.Result<ReadonlyArray<Runner>, RemoteError>>

export class Registry extends Context.Service<Registry, {
  /** Returns once the worker is registered, and keeps it registered while the scope is open. */
  readonly register: (runner: Runner) => Effect.Effect<void, never, Scope.Scope>
  readonly members: Members
}>()("papyros/remote/Registry") {}

// ----------------------------------------------------------------------------
// The name server
// ----------------------------------------------------------------------------

export interface NameServerRegistryOptions extends Omit<NameServerClient.NameServerClientOptions, "identity"> {
  readonly group: string
  readonly role: "worker" | "client"
}

/**
 * How long after a connection to the name server a worker is kept that was known before and has not registered again, in
 * milliseconds: longer than it takes a worker to notice that the name server is gone, and to connect again.
 */
const GRACE = 10_000

/** Views that wait for their consumer, which needs the latest only. */
const VIEWS = 1

/** The registry of a name server, which may start later. */
export const nameServer = (
  { group, role, ...options }: NameServerRegistryOptions
): Effect.Effect<Registry["Service"]> =>
  Effect.sync(() => {
    // An unusable secret is a defect here, not once in every attempt.
    if (options.secret !== undefined) Secret.bytesOf(options.secret)
    const open = NameServerClient.open({ ...options, identity: { role, group } })
    const incarnation = randomUUID()
    return Registry.of({
      register: Effect.fnUntraced(function*(runner) {
        const registered = yield* Deferred.make<void>()
        const registration = ({ client, toRemoteError }: NameServerClient.NameServerClient) =>
          client.Register({ group, runner, incarnation }).pipe(
            Stream.runForEach(() => Deferred.succeed(registered, undefined)),
            RpcClient.orRefused,
            Effect.mapError(toRemoteError)
          )
        yield* Effect.forkScoped(NameServerClient.keepConnected(open, registration))
        yield* Deferred.await(registered)
      }),
      members: Stream.callback((views) => {
        const view = new MemberView()
        const show = (members: ReadonlyArray<Runner>) => Queue.offer(views, Result.succeed(members))
        return NameServerClient.keepConnected(
          open,
          ({ client, toRemoteError }) => {
            view.connected()
            return Stream.runForEach(client.Watch({ group }), (runners) => show(view.listed(runners))).pipe(
              RpcClient.orRefused,
              Effect.mapError(toRemoteError),
              Effect.raceFirst(
                Effect.sleep(GRACE).pipe(
                  Effect.andThen(() => show(view.expire())),
                  Effect.andThen(Effect.never)
                )
              )
            )
          },
          (error) => Queue.offerUnsafe(views, Result.fail(error))
        )
      }, { bufferSize: VIEWS, strategy: "sliding" })
    })
  })

// ----------------------------------------------------------------------------
// A RunnerStorage
// ----------------------------------------------------------------------------

/** How often a worker renews its registration, in milliseconds. */
const HEARTBEAT = 5000

/** How often a client asks the storage for the workers, in milliseconds. */
const POLL_INTERVAL = 500

/** How long after a failure of the storage the worker tries again, in milliseconds. */
const RETRY = 1000

/** How long removing a registration may take, in milliseconds. */
const UNREGISTER_TIMEOUT = 2000

/** The registry of a storage of Effect Cluster. Each worker group needs a storage of its own. */
export const fromRunnerStorage: Effect.Effect<Registry["Service"], never, RunnerStorage.RunnerStorage> = Effect.map(
  RunnerStorage.RunnerStorage,
  (storage) =>
    Registry.of({
      register: Effect.fnUntraced(function*(runner) {
        const register = storage.register(runner, true).pipe(
          Effect.tapError((error) => Effect.logWarning(`The registry failed: ${sanitizeForLog(String(error.cause))}`)),
          Effect.retry(Schedule.spaced(RETRY)),
          // The schedule never ends, so the error never gets here.
          Effect.orDie
        )
        // Added before the renewal starts, so that it runs after the renewal has ended.
        yield* Effect.addFinalizer(() =>
          Effect.ignoreCause(Effect.timeout(storage.unregister(runner.address), UNREGISTER_TIMEOUT), { log: "Debug" })
        )
        yield* register
        yield* Effect.forever(Effect.andThen(Effect.sleep(HEARTBEAT), register)).pipe(
          Effect.forkScoped({ startImmediately: true })
        )
      }),
      // The storage has no watch.
      members: Stream.fromEffectSchedule(
        Effect.result(Effect.mapBoth(storage.getRunners, {
          onSuccess: (runners) => runners.filter(([, healthy]) => healthy).map(([runner]) => runner),
          onFailure: ({ cause }) =>
            new RemoteError({ reason: new Unreachable({ address: "registry", message: String(cause) }) })
        })),
        Schedule.jittered(Schedule.spaced(POLL_INTERVAL))
      )
    })
)
