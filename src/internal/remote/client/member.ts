/**
 * A worker that a dispatcher can connect to, and a connection to it: the interface that a transport implements. All else
 * of a client, from the scheduler to the messages of a session, is the same on every transport.
 *
 * Must stay true: a connection hands over each message of the worker at most once and in order, and takes the next
 * commands after the previous ones. Once it is lost, all of its Effects fail.
 */
import type * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type * as Executor from "../../../Executor.ts"
import type { Commands, Events, HandshakeResponse, OpenSession } from "../protocol/messages.ts"
import type { RemoteError } from "../transport/error.ts"

export interface Member {
  /** Identifies the worker among the workers of a group, also in the log. */
  readonly address: string
  /** Connects to the worker. The connection ends with its scope. */
  readonly connect: Effect.Effect<WorkerConnection, RemoteError, Scope.Scope>
}

/** A worker that has answered the handshake. Calls fail once the connection is lost. */
export interface WorkerConnection {
  readonly handshake: typeof HandshakeResponse.Type
  /**
   * Opens a session at the worker, or goes on with one, and hands over the events of the worker until the session or the
   * connection ends. Nothing more is received while events are handled. Fails with an error of the handler.
   */
  readonly events: (
    session: SessionRequest,
    onEvents: (events: typeof Events.Type) => Effect.Effect<void, InvalidEvents>
  ) => Effect.Effect<void, unknown>
  /** Ends a session, also one whose stream has ended. */
  readonly end: (session: string) => Effect.Effect<void, unknown>
  /** Whether the worker has sent nothing for too long. Then the session cannot continue. */
  readonly isSilent: () => boolean
  /** Completes with the reason when the connection is lost. */
  readonly closed: Effect.Effect<string>
  /** The bytes of its messages (Cluster), or all its bytes on the network (Remote). */
  readonly bytes?: Executor.ConnectionBytes | undefined
  /** Completes when the connection can take more. */
  readonly send: (commands: typeof Commands.Type) => Effect.Effect<void, unknown>
}

/** The worker sent events that no worker of this version sends. */
export class InvalidEvents extends Error {
  constructor(error: unknown) {
    super(`it sent invalid events: ${String(error)}`)
  }
}

type SessionRequest = Omit<typeof OpenSession.Type, "maxTaskBytes">
