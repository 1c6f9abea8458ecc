/**
 * The workers that are registered at a name server, by group and address, and the streams by which clients watch them.
 *
 * Must stay true: an address is listed once, with its latest registration. A registration replaces an earlier one of
 * the same address and incarnation, and the end of the replaced one has no effect. If another process has registered
 * the same address, its registration is kept, and is listed again when the later one has ended.
 */
import type { Runner } from "effect/cluster/Runner"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import * as Stream from "effect/Stream"
import * as Address from "../../address.ts"

/** Changes within this time are sent to a client as one list, in milliseconds. */
const COALESCE = 100

export interface Registration {
  /** `"shadowed"`: another process has registered the same address. */
  readonly kind: "new" | "again" | "shadowed"
  /** Ends the registration. Returns `false` if a later one has replaced it. */
  readonly end: () => boolean
}

interface Group {
  /** By address and then by incarnation, the latest registration last. */
  readonly members: Map<string, Map<string, { readonly runner: Runner }>>
  readonly watches: Set<Queue.Queue<void>>
}

export class Registrations {
  private readonly groups = new Map<string, Group>()

  add(group: string, runner: Runner, incarnation: string): Registration {
    const { members } = this.group(group)
    const address = Address.format(runner.address)
    let registrations = members.get(address)
    if (registrations === undefined) members.set(address, registrations = new Map())
    const registration = { runner }
    const again = registrations.delete(incarnation)
    registrations.set(incarnation, registration)
    this.changed(group)
    return {
      kind: registrations.size > 1 ? "shadowed" : again ? "again" : "new",
      end: () => this.remove(group, address, incarnation, registration)
    }
  }

  /** All groups that have a worker. */
  get all(): ReadonlyArray<{ readonly group: string; readonly members: ReadonlyArray<Runner> }> {
    return Array.from(this.groups, ([group]) => ({ group, members: this.members(group) })).filter(
      ({ members }) => members.length > 0
    )
  }

  /** The workers of a group, now and after each change. */
  watch(name: string): Stream.Stream<ReadonlyArray<Runner>> {
    return Stream.unwrap(Effect.gen({ self: this }, function*() {
      // One element is enough: it stands for all changes that were not sent yet.
      const changes = yield* Queue.sliding<void>(1)
      const { watches } = this.group(name)
      yield* Effect.acquireRelease(
        Effect.sync(() => watches.add(changes)),
        () =>
          Effect.sync(() => {
            watches.delete(changes)
            this.dropEmpty(name)
          })
      )
      const list = Effect.sync(() => this.members(name))
      return Stream.concat(
        Stream.fromEffect(list),
        Stream.mapEffect(Stream.fromQueue(changes), () => Effect.andThen(Effect.sleep(COALESCE), list))
      )
    }))
  }

  private group(name: string): Group {
    let group = this.groups.get(name)
    if (group === undefined) this.groups.set(name, group = { members: new Map(), watches: new Set() })
    return group
  }

  private members(group: string): ReadonlyArray<Runner> {
    return Array.from(
      this.groups.get(group)?.members.values() ?? [],
      (registrations) => Array.from(registrations.values()).at(-1)!.runner
    )
  }

  private remove(group: string, address: string, incarnation: string, registration: object): boolean {
    const members = this.groups.get(group)?.members
    const registrations = members?.get(address)
    if (members === undefined || registrations?.get(incarnation) !== registration) return false
    registrations.delete(incarnation)
    if (registrations.size === 0) members.delete(address)
    this.changed(group)
    this.dropEmpty(group)
    return true
  }

  private changed(group: string): void {
    for (const watch of this.groups.get(group)?.watches ?? []) Queue.offerUnsafe(watch, undefined)
  }

  private dropEmpty(name: string): void {
    const group = this.groups.get(name)
    if (group !== undefined && group.members.size === 0 && group.watches.size === 0) this.groups.delete(name)
  }
}
