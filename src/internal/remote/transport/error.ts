/**
 * The errors of reaching workers, and the registry that knows them. Users see `RemoteError` and match on its reason.
 *
 * Must stay true: a message has the address and the remedy, and never a secret.
 */
import * as Schema from "effect/Schema"
import type { SocketServerError } from "effect/socket/SocketServer"
import * as Address from "../../address.ts"
import { describeNetworkError } from "../../networkError.ts"

/** No process answers at the address. */
export class Unreachable extends Schema.TaggedError<Unreachable>("papyros/Unreachable")("Unreachable", {
  address: Schema.String,
  message: Schema.String
}) {}

/** The other side has no secret, another secret, or does not accept this identity. */
export class Unauthorized extends Schema.TaggedError<Unauthorized>("papyros/Unauthorized")("Unauthorized", {
  address: Schema.String,
  message: Schema.String
}) {}

/** The other side speaks another version of the protocol. */
export class VersionMismatch extends Schema.TaggedError<VersionMismatch>("papyros/VersionMismatch")("VersionMismatch", {
  address: Schema.String,
  message: Schema.String
}) {}

/** This runtime lacks a part of Node that Remote needs. */
export class Unsupported extends Schema.TaggedError<Unsupported>("papyros/Unsupported")("Unsupported", {
  address: Schema.String,
  message: Schema.String
}) {}

/** The workers or the registry could not be reached. */
export class RemoteError extends Schema.TaggedError<RemoteError>("papyros/RemoteError")("RemoteError", {
  reason: Schema.Union([Unreachable, Unauthorized, VersionMismatch, Unsupported])
}) {
  override get message(): string {
    return `${this.reason.address}: ${this.reason.message}`
  }
}

/** Without a secret every process that can connect can run tasks, so other machines must not reach the port. */
export class NotLoopback extends Schema.TaggedError<NotLoopback>("papyros/NotLoopback")("NotLoopback", {
  host: Schema.String
}) {
  override get message(): string {
    return `Without a secret, only processes of this machine may connect, but others can reach ${this.host}. ` +
      "Set PAPYROS_SECRET to the output of `papyros secret`, or listen on 127.0.0.1."
  }
}

/** This process cannot listen on the address. */
export const cannotListen = (address: Address.Address) => (error: SocketServerError | NotLoopback): RemoteError => {
  const why = error._tag === "NotLoopback" ? error.message : describeNetworkError(error.reason.cause)
  return new RemoteError({
    reason: new Unreachable({ address: Address.format(address), message: `cannot listen: ${why}` })
  })
}
