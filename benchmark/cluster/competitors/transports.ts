/** The clusters of the suite: their transports, and a runner storage in a file. */
import * as NodeClusterHttp from "@effect/platform-node/NodeClusterHttp"
import * as MessageStorage from "effect/cluster/MessageStorage"
import * as RunnerAddress from "effect/cluster/RunnerAddress"
import * as RunnerHealth from "effect/cluster/RunnerHealth"
import * as Runners from "effect/cluster/Runners"
import * as ShardingConfig from "effect/cluster/ShardingConfig"
import * as SocketRunner from "effect/cluster/SocketRunner"
import * as SqlRunnerStorage from "effect/cluster/SqlRunnerStorage"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as RpcSerialization from "effect/rpc/RpcSerialization"
import * as ClusterDispatcher from "papyros/ClusterDispatcher"
import * as SqliteClient from "papyros/SqliteClient"

export type Transport = "socket" | "websocket"

type Config = Parameters<typeof ShardingConfig.layer>[0]

const storage = (filename: string, config: Config) =>
  Layer.merge(
    MessageStorage.layerNoop,
    SqlRunnerStorage.layer.pipe(
      Layer.provide([SqliteClient.layer({ filename, synchronous: "NORMAL" }), ShardingConfig.layer(config)])
    )
  )

/** The `Sharding` of a client. */
export const client = (transport: Transport, filename: string) =>
  transport === "websocket"
    ? NodeClusterHttp.layer({ transport, clientOnly: true, storage: "byo" }).pipe(
      Layer.provide(storage(filename, {})),
      Layer.orDie
    )
    : SocketRunner.layerClientOnly.pipe(
      Layer.provide([ClusterDispatcher.layerClientProtocol, storage(filename, {}), ShardingConfig.layer()]),
      Layer.provide(RpcSerialization.layerSchemaBinary()),
      Layer.orDie
    )

/** The `Sharding` of a runner on a port of the loopback interface. */
export const runner = (transport: Transport, filename: string, port: number) => {
  const config = { runnerAddress: Option.some(RunnerAddress.make("127.0.0.1", port)) }
  return transport === "websocket"
    ? NodeClusterHttp.layer({ transport, storage: "byo", shardingConfig: config }).pipe(
      Layer.provide(storage(filename, config)),
      Layer.orDie
    )
    : SocketRunner.layer.pipe(
      Layer.provide(RunnerHealth.layerPing.pipe(Layer.provide(Runners.layerRpc))),
      Layer.provide([ClusterDispatcher.layerClientProtocol, ClusterDispatcher.layerSocketServer]),
      Layer.provide([storage(filename, config), ShardingConfig.layer(config)]),
      Layer.provide(RpcSerialization.layerSchemaBinary()),
      Layer.orDie
    )
}
