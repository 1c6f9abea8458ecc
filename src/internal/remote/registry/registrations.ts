/**
 * The workers of each group, of which no other group knows. A registration that was
 * replaced by another of the same address no longer ends anything.
 */
import type { Runner } from "effect/cluster/Runner"
import * as Address from "../transport/address.ts"

export interface Registration {
  /** There was one of this address before. */
  readonly again: boolean
  /** Ends it; `false` if it has been replaced. */
  readonly end: () => boolean
}

export class Registrations {
  private readonly groups = new Map<string, Map<string, { readonly runner: Runner }>>()

  add(group: string, runner: Runner): Registration {
    let members = this.groups.get(group)
    if (members === undefined) this.groups.set(group, members = new Map())
    const address = Address.format(runner.address)
    const again = members.has(address)
    const entry = { runner }
    members.set(address, entry)
    return { again, end: () => this.remove(group, address, entry) }
  }

  members(group: string): ReadonlyArray<Runner> {
    return Array.from(this.groups.get(group)?.values() ?? [], ({ runner }) => runner)
  }

  get all(): ReadonlyArray<{ readonly group: string; readonly members: ReadonlyArray<Runner> }> {
    return Array.from(this.groups.keys(), (group) => ({ group, members: this.members(group) }))
  }

  private remove(group: string, address: string, entry: object): boolean {
    const members = this.groups.get(group)
    if (members === undefined || members.get(address) !== entry) return false
    members.delete(address)
    if (members.size === 0) this.groups.delete(group)
    return true
  }
}
