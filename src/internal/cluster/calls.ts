/**
 * The calls of a client as functions, so that a client knows neither entities nor the engine.
 *
 * Must stay true: a call may never end. Each caller sets a time limit.
 */
import type * as Effect from "effect/Effect"
import type { HandshakeRequest } from "../remote/protocol/messages.ts"
import type { HelloAnswer, PollAnswer, SendAnswer } from "./entity.ts"

export interface SessionCall {
  readonly incarnation: string
  readonly session: string
}

export interface SendCall extends SessionCall {
  readonly commands: Uint8Array
}

export interface PollCall extends SessionCall {
  readonly seq: number
  readonly maxTaskBytes: number
  readonly commands?: Uint8Array
}

/** The calls to the runner behind one id. */
export interface Calls {
  readonly Hello: (call: Readonly<typeof HandshakeRequest.Type>) => Effect.Effect<typeof HelloAnswer.Type, unknown>
  readonly Send: (call: SendCall) => Effect.Effect<typeof SendAnswer.Type, unknown>
  readonly Poll: (call: PollCall) => Effect.Effect<typeof PollAnswer.Type, unknown>
  readonly Bye: (call: SessionCall) => Effect.Effect<typeof SendAnswer.Type, unknown>
}
