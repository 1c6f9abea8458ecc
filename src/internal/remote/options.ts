/**
 * Options that clients, workers and the command line share, with their defaults.
 *
 * Must stay true: an unusable option is a defect that names the option. An unusable secret is a typed failure, because
 * it comes from outside of the program.
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as Redacted from "effect/Redacted"
import * as Address from "../address.ts"
import { countOption } from "../options.ts"
import { isGroup } from "./auth/identity.ts"
import * as Secret from "./auth/secret.ts"
import { RemoteError, Unauthorized, Unsupported } from "./transport/error.ts"

/** The port of a name server. */
export const DEFAULT_PORT = 7427

const MAX_TASK_BYTES = 8 * 1024 * 1024

/** The part of a frame beside its largest task, in bytes. */
const FRAME_OVERHEAD = 4 * 1024 * 1024

export const groupOption = (input: string | undefined): string => {
  if (input === undefined) return "default"
  if (isGroup(input)) return input
  throw new RangeError(`workerGroup must be 1 to 64 letters, digits, ".", "_" or "-", got ${JSON.stringify(input)}`)
}

export const nameServerOption = (input: string | undefined): Address.Address => {
  if (input === undefined) return { host: "127.0.0.1", port: DEFAULT_PORT }
  return Option.getOrThrowWith(
    Address.parse(input),
    () => new RangeError(`nameServer must be host:port, got ${JSON.stringify(input)}`)
  )
}

/** A port to listen on, from 0: any free port. */
export const portOption = (input: number | undefined): number => {
  const port = input ?? 0
  if (Number.isInteger(port) && port >= 0 && port <= 65_535) return port
  throw new RangeError(`port must be a whole number from 0 to 65535, got ${port}`)
}

export const maxTaskBytesOption = (input: number | undefined): number =>
  countOption("maxTaskBytes", input, 1) ?? MAX_TASK_BYTES

/** The largest frame that a process accepts whose peer sends tasks of this size. */
export const maxFrameSize = (maxTaskBytes: number): number => maxTaskBytes + FRAME_OVERHEAD

/** Checks the secret where it is set, and not in each connection attempt. */
export const secretOption = (
  input: Redacted.Redacted<string> | undefined
): Effect.Effect<Secret.Secret | undefined, RemoteError> =>
  Effect.suspend(() => {
    if (input === undefined) return Effect.succeed(undefined)
    const runtime = ["Bun", "Deno"].find((name) => name in globalThis)
    if (runtime !== undefined) return Effect.fail(new RemoteError({ reason: withoutKeys(runtime) }))
    return Effect.mapError(
      Effect.fromResult(Secret.parse(input)),
      ({ message }) => new RemoteError({ reason: new Unauthorized({ address: "secret", message }) })
    )
  })

/** Without this check, a peer would refuse each connection as one that has another secret. */
const withoutKeys = (runtime: string): Unsupported =>
  new Unsupported({
    address: "secret",
    message:
      `${runtime} has no TLS with pre-shared keys, by which Remote uses a secret. Run this process on Node, or ` +
      "run clients, workers and the name server without a secret on one host."
  })
