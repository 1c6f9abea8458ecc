/** Hosts of their own, as far as the network is concerned: namespaces of this machine, each with its own cable. */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { spawnSync } from "node:child_process"

/** Runs a command of iproute2; what it says if it fails. */
const ip = (...args: ReadonlyArray<string>): string | undefined => {
  const { error, status, stderr } = spawnSync("ip", args, { encoding: "utf8" })
  return status === 0 ? undefined : `ip ${args.join(" ")}: ${(error?.message ?? stderr).trim()}`
}

const must = (...args: ReadonlyArray<string>) =>
  Effect.suspend(() => {
    const why = ip(...args)
    return why === undefined ? Effect.void : Effect.die(new Error(why))
  })

/** So that runs at the same time do not meet. */
const OCTET = 1 + process.pid % 250

const nameOf = (n: number) => `papyros${process.pid}-${n}`

const cableOf = (n: number) => `pp${process.pid}-${n}`

/** Why there can be no hosts here, or `undefined` if there can. */
export const whyNot = (): string | undefined => {
  const name = nameOf(0)
  const cable = cableOf(0)
  const why = ip("netns", "add", name) ?? ip("link", "add", cable, "type", "veth", "peer", "name", `${cable}b`)
  ip("link", "del", cable)
  ip("netns", "del", name)
  return why
}

export interface Host {
  readonly address: string
  /** By which it reaches this one. */
  readonly gateway: string
  /** Runs what comes after it there. */
  readonly by: ReadonlyArray<string>
  /** Nothing gets through from here on, and nobody is told. */
  readonly unplug: Effect.Effect<void>
  readonly plug: Effect.Effect<void>
}

/** The host number `n`, from 1, with a cable to this one. */
export const host = (n: number): Effect.Effect<Host, never, Scope.Scope> =>
  Effect.gen(function*() {
    const name = nameOf(n)
    const cable = cableOf(n)
    const gateway = `10.${OCTET}.${n}.1`
    const address = `10.${OCTET}.${n}.2`
    yield* Effect.acquireRelease(must("netns", "add", name), () => Effect.sync(() => ip("netns", "del", name)))
    yield* Effect.acquireRelease(
      must("link", "add", cable, "type", "veth", "peer", "name", "eth0", "netns", name),
      () => Effect.sync(() => ip("link", "del", cable))
    )
    yield* must("addr", "add", `${gateway}/24`, "dev", cable)
    yield* must("link", "set", cable, "up")
    yield* must("-n", name, "addr", "add", `${address}/24`, "dev", "eth0")
    yield* must("-n", name, "link", "set", "eth0", "up")
    yield* must("-n", name, "link", "set", "lo", "up")
    return {
      address,
      gateway,
      by: ["ip", "netns", "exec", name],
      unplug: must("-n", name, "link", "set", "eth0", "down"),
      plug: must("-n", name, "link", "set", "eth0", "up")
    }
  })
