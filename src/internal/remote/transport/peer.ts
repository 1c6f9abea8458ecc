/**
 * Who is at the other end of a connection, for what handles it. Handlers of rpc calls
 * have it in their context without asking for it in their type: it comes with the
 * connection, not with their Layer.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type { Identity } from "../auth/identity.ts"

export class Peer extends Context.Service<Peer, {
  /** Proven. `undefined` without TLS, where a peer is whoever it says it is. */
  readonly identity: Identity | undefined
  /** `host:port` */
  readonly remoteAddress: string
  /** Lifts the limits on strangers; a no-op with TLS, whose handshake did it. */
  readonly authenticated: Effect.Effect<void>
  /** Ends the connection at once, and with it all that is handled for it. */
  readonly close: Effect.Effect<void>
  /** Nothing can be sent any more. */
  readonly isClosed: () => boolean
}>()("papyros/remote/Peer") {}

/** The peer of the connection that is being handled. */
export const current: Effect.Effect<Peer["Service"]> = Effect.contextWith((context: Context.Context<never>) => {
  const peer = Context.getOrUndefined(context, Peer)
  return peer === undefined
    ? Effect.die(new Error("there is no Peer: not a connection of Listen"))
    : Effect.succeed(peer)
})
