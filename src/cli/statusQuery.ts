/**
 * The queries of `papyros status`: the groups of a name server, and the status of each of their workers. This module
 * loads the client of Remote, and is loaded on demand.
 *
 * Must stay true: the text of peers is sanitized here, before any other module sees it.
 */
import type * as Runner from "effect/cluster/Runner"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Address from "../internal/address.ts"
import { operator } from "../internal/remote/auth/identity.ts"
import type { Secret } from "../internal/remote/auth/secret.ts"
import { openRpc } from "../internal/remote/client/connection.ts"
import { maxTaskBytesOption } from "../internal/remote/options.ts"
import type { WorkerStatus } from "../internal/remote/protocol/messages.ts"
import * as NameServerClient from "../internal/remote/registry/client.ts"
import type { RemoteError } from "../internal/remote/transport/error.ts"
import * as RpcClient from "../internal/remote/transport/rpcClient.ts"
import { sanitizeForLog } from "../internal/sanitize.ts"

export interface Row {
  readonly group: string
  readonly worker: string
  readonly status: typeof WorkerStatus.Type | undefined
  /** When the status was received, in milliseconds. */
  readonly at: number
}

/** How long a worker may take to answer, in milliseconds. */
const ANSWER_TIMEOUT = 5000

const queryWorker = (runner: Runner.Runner, secret: Secret | undefined) =>
  Effect.scoped(Effect.flatMap(
    openRpc(runner, { ...operator, secret }, maxTaskBytesOption(undefined)),
    ({ rpc }) => RpcClient.orRefused(rpc.client.Status())
  )).pipe(Effect.timeout(ANSWER_TIMEOUT))

/** The workers of one group, or of all. A worker that does not answer has no status. */
export const query = Effect.fnUntraced(function*(
  options: Omit<NameServerClient.NameServerClientOptions, "identity">,
  group: Option.Option<string>
): Effect.fn.Return<ReadonlyArray<Row>, RemoteError> {
  const groups = yield* NameServerClient.groups(options)
  const wanted = groups.filter((one) => Option.isNone(group) || one.group === group.value)
  return yield* Effect.forEach(
    wanted.flatMap(({ group, members }) => members.map((runner) => ({ group, runner }))),
    ({ group, runner }) =>
      Effect.map(Effect.option(queryWorker(runner, options.secret)), (status): Row => ({
        group: sanitizeForLog(group),
        worker: sanitizeForLog(Address.format(runner.address)),
        status: Option.getOrUndefined(status),
        at: performance.now()
      })),
    { concurrency: 16 }
  )
})
