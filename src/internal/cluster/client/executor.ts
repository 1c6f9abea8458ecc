/**
 * The executor of the runners of a cluster: the one of worker processes, whose members and connections come by the calls
 * of an entity.
 */
import * as EntityId from "effect/cluster/EntityId"
import type { Sharding } from "effect/cluster/Sharding"
import * as Effect from "effect/Effect"
import type * as Executor from "../../../Executor.ts"
import * as RemoteExecutor from "../../remote/client/executor.ts"
import { TaskCatalog } from "../../remote/protocol/catalog.ts"
import type { RemoteError } from "../../remote/transport/error.ts"
import type * as Task from "../../task.ts"
import { entityOf } from "../entity.ts"
import { AckTimes } from "./ackTimes.ts"
import { idsByShard } from "./addresses.ts"
import { connect } from "./connection.ts"
import { Membership, type MembershipOptions } from "./membership.ts"

export interface ClusterExecutorOptions {
  readonly maxTaskBytes: number
  /** Milliseconds. */
  readonly noWorkerTimeout: number
}

/** An executor over any calls. */
export const make = (
  tasks: ReadonlyMap<string, Task.AnyClass>,
  { at, ids, maxTaskBytes, noWorkerTimeout, workerGroup }: ClusterExecutorOptions & MembershipOptions
): Executor.Executor<RemoteError> => {
  const membership = new Membership({ workerGroup, ids, at })
  const ackTimes = new AckTimes()
  return RemoteExecutor.make({
    name: "cluster",
    catalog: new TaskCatalog(tasks),
    maxTaskBytes,
    noWorkerTimeout,
    members: membership.members((incarnation) => connect({ membership, incarnation, maxTaskBytes, ackTimes }))
  })
}

/** An executor over the entity of a worker group. */
export const fromSharding = Effect.fnUntraced(function*(
  sharding: Sharding["Service"],
  tasks: ReadonlyMap<string, Task.AnyClass>,
  { shardGroup, workerGroup, ...options }: ClusterExecutorOptions & {
    readonly workerGroup: string
    readonly shardGroup: string | undefined
  }
) {
  const entity = entityOf(workerGroup, shardGroup)
  const at = yield* sharding.makeClient(entity)
  const ids = idsByShard((id) => `${sharding.getShardId(EntityId.make(id), shardGroup ?? "default")}`)
  return make(tasks, { ...options, workerGroup, ids, at })
})
