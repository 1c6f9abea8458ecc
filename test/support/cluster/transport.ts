/** The transport and the storages of the clusters of tests: sockets of this host, and a file or Postgres. */
import * as PgClient from "@effect/sql-pg/PgClient"
import * as MessageStorage from "effect/cluster/MessageStorage"
import * as RunnerAddress from "effect/cluster/RunnerAddress"
import * as RunnerHealth from "effect/cluster/RunnerHealth"
import * as Runners from "effect/cluster/Runners"
import * as ShardingConfig from "effect/cluster/ShardingConfig"
import * as SocketRunner from "effect/cluster/SocketRunner"
import * as SqlRunnerStorage from "effect/cluster/SqlRunnerStorage"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as RpcSerialization from "effect/rpc/RpcSerialization"
import * as ClusterDispatcher from "papyros/ClusterDispatcher"
import * as SqliteClient from "papyros/SqliteClient"

/** Opens the file, or the database of a URL. */
const database = (place: string) =>
  place.startsWith("postgres:")
    ? PgClient.layer({ url: Redacted.make(place) })
    : SqliteClient.layer({ filename: place, synchronous: "NORMAL" })

const storage = (place: string, config: Layer.Layer<ShardingConfig.ShardingConfig>) =>
  Layer.merge(
    MessageStorage.layerNoop,
    Layer.orDie(SqlRunnerStorage.layer).pipe(Layer.provide([Layer.orDie(database(place)), config]))
  )

/** A client of the cluster whose runner storage is at the place. */
export const client = (place: string) => {
  const config = ShardingConfig.layer()
  return SocketRunner.layerClientOnly.pipe(
    Layer.provide([ClusterDispatcher.layerClientProtocol, storage(place, config), config]),
    Layer.provide(RpcSerialization.layerSchemaBinary())
  )
}

/** A runner of the cluster whose runner storage is at the place. */
export const runner = (place: string, port: number) => {
  const config = ShardingConfig.layer({ runnerAddress: Option.some(RunnerAddress.make("127.0.0.1", port)) })
  const protocol = ClusterDispatcher.layerClientProtocol
  return SocketRunner.layer.pipe(
    Layer.provide(RunnerHealth.layerPing.pipe(Layer.provide(Runners.layerRpc))),
    Layer.provide([ClusterDispatcher.layerSocketServer, protocol]),
    Layer.provide(storage(place, config)),
    Layer.provide(config),
    Layer.provide(RpcSerialization.layerSchemaBinary())
  )
}
