/**
 * The cluster of this example: sockets of this host, and a file in which the runners find each other. Every process of a
 * cluster needs the same runner storage and the same transport.
 */
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

// papyros stores nothing in a cluster, so it needs no message storage.
const storage = (filename: string) =>
  Layer.merge(
    SqlRunnerStorage.layer.pipe(Layer.provide(SqliteClient.layer({ filename }))),
    MessageStorage.layerNoop
  )

/** The `Sharding` of a program that only runs tasks on the cluster. */
export const client = (filename: string) =>
  SocketRunner.layerClientOnly.pipe(
    Layer.provide([ClusterDispatcher.layerClientProtocol, storage(filename)]),
    Layer.provide([RpcSerialization.layerSchemaBinary(), ShardingConfig.layer()])
  )

/** The `Sharding` of a runner. */
export const runner = (filename: string, port: number) =>
  SocketRunner.layer.pipe(
    Layer.provide(RunnerHealth.layerPing.pipe(Layer.provide(Runners.layerRpc))),
    Layer.provide([ClusterDispatcher.layerClientProtocol, ClusterDispatcher.layerSocketServer, storage(filename)]),
    Layer.provide([
      RpcSerialization.layerSchemaBinary(),
      ShardingConfig.layer({ runnerAddress: Option.some(RunnerAddress.make("127.0.0.1", port)) })
    ])
  )
