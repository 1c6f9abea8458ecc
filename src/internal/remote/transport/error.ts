/** Why workers, or the registry that knows them, cannot be had. */
import * as Schema from "effect/Schema"

/** Nobody answers there. */
export class Unreachable extends Schema.TaggedError<Unreachable>("papyros/Unreachable")("Unreachable", {
  address: Schema.String,
  message: Schema.String
}) {}

/** The other side does not have the secret, or not that of this group. */
export class Unauthorized extends Schema.TaggedError<Unauthorized>("papyros/Unauthorized")("Unauthorized", {
  address: Schema.String,
  message: Schema.String
}) {}

/** The other side speaks another version of the protocol. */
export class VersionMismatch extends Schema.TaggedError<VersionMismatch>("papyros/VersionMismatch")("VersionMismatch", {
  address: Schema.String,
  message: Schema.String
}) {}

/** Workers, or the registry that knows them, cannot be had. */
export class RemoteError extends Schema.TaggedError<RemoteError>("papyros/RemoteError")("RemoteError", {
  reason: Schema.Union([Unreachable, Unauthorized, VersionMismatch])
}) {
  override get message(): string {
    return `${this.reason.address}: ${this.reason.message}`
  }
}

/** A port that cannot be opened. */
export const cannotListen = (address: string) => (error: { readonly message: string; readonly cause?: unknown }) => {
  const why = error.cause instanceof Error ? error.cause.message : error.message
  return new RemoteError({ reason: new Unreachable({ address, message: `cannot listen there: ${why}` }) })
}
