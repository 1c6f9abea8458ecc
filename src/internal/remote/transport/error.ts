/**
 * The errors of reaching workers, and the registry that knows them. Users see `RemoteError` and match on its reason.
 *
 * Must stay true: a message names the address and what to do, and never holds a secret.
 */
import * as Schema from "effect/Schema"

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

/** The workers or the registry could not be reached. */
export class RemoteError extends Schema.TaggedError<RemoteError>("papyros/RemoteError")("RemoteError", {
  reason: Schema.Union([Unreachable, Unauthorized, VersionMismatch])
}) {
  override get message(): string {
    return `${this.reason.address}: ${this.reason.message}`
  }
}

/** This process cannot listen on the address. */
export const cannotListen = (address: string) => (error: { readonly message: string; readonly cause?: unknown }) => {
  const why = error.cause instanceof Error ? error.cause.message : error.message
  return new RemoteError({ reason: new Unreachable({ address, message: `cannot listen: ${why}` }) })
}
