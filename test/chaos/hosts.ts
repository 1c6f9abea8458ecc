/** Hosts for tests: network namespaces of this machine, each with its own virtual cable. */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { spawnSync } from "node:child_process"

/** Runs a command of iproute2; returns its error message if it fails. */
const ip = (...args: ReadonlyArray<string>): string | undefined => {
  const { error, status, stderr } = spawnSync("ip", args, { encoding: "utf8" })
  return status === 0 ? undefined : `ip ${args.join(" ")}: ${(error?.message ?? stderr).trim()}`
}

const must = (...args: ReadonlyArray<string>) =>
  Effect.suspend(() => {
    const why = ip(...args)
    return why === undefined ? Effect.void : Effect.die(new Error(why))
  })

/** A unique part of names, so that concurrent runs do not collide. */
const OCTET = 1 + process.pid % 250

const nameOf = (n: number) => `papyros${process.pid}-${n}`

const cableOf = (n: number) => `pp${process.pid}-${n}`

/** The reason why this machine cannot have such hosts, or `undefined` if it can. */
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
  /** The address at which the host reaches this machine. */
  readonly gateway: string
  /** The command prefix that runs a command on the host. */
  readonly by: ReadonlyArray<string>
  /** Drops all packets from now on, without closing connections. */
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
