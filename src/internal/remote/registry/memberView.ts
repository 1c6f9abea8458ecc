/**
 * The view of a client: the workers of its group, as it knows them from all of its connections to the name server.
 *
 * Must stay true: after a restart, a name server does not list a worker until the worker has registered again. Until
 * then the worker stays in the view, for a limited time. So a restart removes no worker, and new workers are added at
 * once.
 */
import type { Runner } from "effect/cluster/Runner"
import * as Address from "../../address.ts"

export class MemberView {
  private known: ReadonlyMap<string, Runner> = new Map()
  /** The addresses that were in the view before this connection, and were not listed since. */
  private readonly awaited = new Set<string>()

  /** Must be called when a connection has opened. */
  connected(): void {
    for (const address of this.known.keys()) this.awaited.add(address)
  }

  /** Takes the list of the name server, and returns the view. */
  listed(runners: ReadonlyArray<Runner>): ReadonlyArray<Runner> {
    const view = new Map<string, Runner>()
    for (const runner of runners) {
      const address = Address.format(runner.address)
      this.awaited.delete(address)
      view.set(address, runner)
    }
    for (const address of this.awaited) view.set(address, this.known.get(address)!)
    this.known = view
    return Array.from(view.values())
  }

  /** Removes the workers that have not registered again, and returns the view. */
  expire(): ReadonlyArray<Runner> {
    const listed = Array.from(this.known).filter(([address]) => !this.awaited.has(address))
    this.awaited.clear()
    this.known = new Map(listed)
    return Array.from(this.known.values())
  }
}
