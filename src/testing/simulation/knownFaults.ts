/**
 * Faults of today's dispatchers that the simulation would find in every hundred seeds.
 *
 * While a switch is on, programs leave out what brings the fault to light, or the oracle expects it.
 * Mending the fault means turning its switch off here, so that the simulation guards the mended rule.
 */

/**
 * One switch for each known fault: `true` while the fault is not mended.
 *
 * @stability experimental
 * @category simulation
 * @since 0.1.0
 */
export interface KnownFaults {
  /** A second after its `taskTimeout`, work that goes on is no longer counted. Left out: finalizers that take longer. */
  readonly C3: boolean
  /** `idleTimeout` runs while an execution only waits for slots of others. The oracle expects that. */
  readonly C13: boolean
  /** `run` fails with `DispatcherClosed` before its handler has stopped. Not checked at the end of a dispatcher. */
  readonly N1: boolean
  /**
   * Who looks for a result or for room and then waits misses what comes between the two, if its fiber
   * yields there. Left out: fibers that yield where a fiber of the real scheduler seldom does.
   */
  readonly N2: boolean
  /**
   * A dispatcher's scope closes while the tasks of producers that had begun to end are still running.
   * Not checked for producers that may have begun to.
   */
  readonly N3: boolean
  /**
   * A lost worker that stops a cancelled task at once, while the scheduler deals with the loss, makes the
   * scheduler throw. Left out: lost workers that hear of cancellations.
   */
  readonly N4: boolean
}

/**
 * The faults that are not mended.
 *
 * @stability experimental
 * @category simulation
 * @since 0.1.0
 */
export const todaysFaults: KnownFaults = {
  C3: true,
  C13: true,
  N1: true,
  N2: true,
  N3: true,
  N4: true
}
