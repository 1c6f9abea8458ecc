/**
 * Known faults of the dispatchers that the simulation would find within a hundred seeds.
 *
 * While a switch is on, programs leave out the ingredient that reveals the fault, or the oracle expects the fault.
 * The fix of a fault must turn its switch off, so that the simulation checks the rule from then on.
 */

/**
 * One switch for each known fault: `true` while the fault is not fixed.
 *
 * @stability unstable
 * @category simulation
 * @since 0.1.0
 */
export interface KnownFaults {
  /**
   * A fiber that checks for a result or for capacity and then waits misses a change between the two steps, if it
   * yields there. Left out: fibers that yield where a fiber of the real scheduler seldom does.
   */
  readonly N2: boolean
}

/**
 * The faults that are not fixed.
 *
 * @stability unstable
 * @category simulation
 * @since 0.1.0
 */
export const todaysFaults: KnownFaults = {
  N2: true
}
