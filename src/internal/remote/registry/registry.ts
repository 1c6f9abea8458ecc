/**
 * Where workers make themselves known, and clients find them. What surprises:
 * registering never fails, however long the registry is away; asking does, at once.
 */
import type { Runner } from "effect/cluster/Runner"
import * as RunnerStorage from "effect/cluster/RunnerStorage"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Secret from "../auth/secret.ts"
import { RemoteError, Unreachable } from "../transport/error.ts"
import { reconnecting } from "../transport/reconnecting.ts"
import { sanitizeForLog } from "../transport/sanitize.ts"
import * as NameServerClient from "./client.ts"

export class Registry extends Context.Service<Registry, {
  /** Returns once it is registered, and keeps it so while the scope is open. */
  readonly register: (runner: Runner) => Effect.Effect<void, never, Scope.Scope>
  /** The workers of the group. */
  readonly members: Effect.Effect<ReadonlyArray<Runner>, RemoteError>
}>()("papyros/remote/Registry") {}

// ----------------------------------------------------------------------------
// The name server
// ----------------------------------------------------------------------------

export interface NameServerRegistryOptions extends Omit<NameServerClient.NameServerClientOptions, "identity"> {
  readonly group: string
  readonly role: "worker" | "client"
}

/** How long after the end of a registration it is made again, in milliseconds. */
const AGAIN = 100

/** By a name server, which need not be there yet. */
export const nameServer: (
  options: NameServerRegistryOptions
) => Effect.Effect<Registry["Service"], never, Scope.Scope> = Effect.fnUntraced(
  function*({ group, role, ...options }) {
    // An unusable one is a defect here, and not one of each attempt.
    if (options.secret !== undefined) Secret.keysOf(options.secret)
    const connection = yield* reconnecting(NameServerClient.open({ ...options, identity: { role, group } }))
    return Registry.of({
      register: Effect.fnUntraced(function*(runner) {
        const registered = yield* Deferred.make<void>()
        const attached = Effect.flatMap(
          connection,
          ({ client, explain }) =>
            Stream.runForEach(client.Attach({ group, runner }), () => Deferred.succeed(registered, undefined)).pipe(
              Effect.mapError(explain)
            )
        )
        // Why it fails, `reconnecting` has said.
        yield* Effect.ignoreCause(attached, { log: "Debug" }).pipe(
          Effect.andThen(Effect.sleep(AGAIN)),
          Effect.forever,
          Effect.forkScoped
        )
        yield* Deferred.await(registered)
      }),
      members: Effect.flatMap(connection, ({ client, explain }) => Effect.mapError(client.Members({ group }), explain))
    })
  }
)

// ----------------------------------------------------------------------------
// A RunnerStorage
// ----------------------------------------------------------------------------

/** How often a runner says that it is there, in milliseconds. */
const HEARTBEAT = 5000

/** How long after a failure of the storage it is tried again, in milliseconds. */
const RETRY = 1000

/** How long the storage may take to forget a runner that leaves, in milliseconds. */
const FORGET = 2000

/** By a storage of Effect Cluster, of which each group must have its own. */
export const fromRunnerStorage: Effect.Effect<Registry["Service"], never, RunnerStorage.RunnerStorage> = Effect.map(
  RunnerStorage.RunnerStorage,
  (storage) =>
    Registry.of({
      register: Effect.fnUntraced(function*(runner) {
        const register = storage.register(runner, true).pipe(
          Effect.tapError((error) => Effect.logWarning(`The registry failed: ${sanitizeForLog(String(error.cause))}`)),
          Effect.retry(Schedule.spaced(RETRY)),
          // Not reached: it is tried for ever.
          Effect.orDie
        )
        // First, because it is to run when nothing can register it again.
        yield* Effect.addFinalizer(() =>
          Effect.ignoreCause(Effect.timeout(storage.unregister(runner.address), FORGET), { log: "Debug" })
        )
        yield* register
        yield* Effect.forever(Effect.andThen(Effect.sleep(HEARTBEAT), register)).pipe(
          Effect.forkScoped({ startImmediately: true })
        )
      }),
      members: Effect.mapBoth(storage.getRunners, {
        onSuccess: (runners) => runners.filter(([, healthy]) => healthy).map(([runner]) => runner),
        onFailure: ({ cause }) =>
          new RemoteError({ reason: new Unreachable({ address: "registry", message: String(cause) }) })
      })
    })
)
