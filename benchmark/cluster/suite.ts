/**
 * The cluster suite: `ClusterDispatcher` with one runner process of one thread, over the loopback interface, against
 * `RemoteDispatcher` with one worker process and effect/rpc.
 */
import { COSTS } from "../harness/costs.ts"
import type { Suite } from "../harness/model.ts"
import { PAPYROS } from "../harness/papyros.ts"
import { packageVersion } from "../harness/versions.ts"
import { increments } from "../remote/cases/increments.ts"
import { latency } from "../remote/cases/latency.ts"
import { type ChunkSize, type Targets, WORKERS } from "../remote/competitors/implementation.ts"
import { papyros } from "../remote/competitors/papyros.ts"
import { rpc } from "../remote/competitors/rpc.ts"
import { cluster, clusterWebsocket } from "./competitors/cluster.ts"

const implementations = [cluster, clusterWebsocket, papyros, rpc]

/** A target for the first value only. */
const onlyFirst = (target: string, rest: ReadonlyArray<string>) => [target, ...rest.map(() => undefined)]

const targets = (_: ChunkSize): Targets => (name) =>
  name === cluster.name ? { [PAPYROS]: onlyFirst("at least 0.5", COSTS) } : undefined

const latencyTargets: Targets = () => undefined

export const suite: Suite = {
  name: "cluster",
  clock: "wall",
  settings: {
    versions: ["effect", "@effect/platform-node"].map(packageVersion).join(", "),
    workerProcesses: WORKERS,
    cpu: "of the client and of all servers, name servers excepted; papyros decodes, checks and encodes in its thread",
    targets:
      "of a single call: at most 2 ms over sockets, 3 ms over websockets; over websockets at least 2500 tasks/s " +
      "in chunks of 1, and 100,000 with the automatic chunk size",
    ...Object.fromEntries(implementations.map(({ name, settings }) => [name, settings]))
  },
  cases: [
    ...increments({ implementations, baselines: [{ name: PAPYROS, bestOf: [papyros.name] }, rpc.name], targets }),
    latency(implementations, [PAPYROS, rpc.name], latencyTargets)
  ]
}
