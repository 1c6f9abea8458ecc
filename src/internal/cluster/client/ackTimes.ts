/**
 * Notices a transport whose sockets wait for delayed acknowledgements: without TCP_NODELAY, a small message waits until
 * the kernel of the other side acknowledges the previous one, which takes 40 ms or more.
 *
 * Must stay true: it warns once. A single slow call, or several of them, is no evidence: each of the last `CALLS` calls
 * must have been slow.
 */
import * as Effect from "effect/Effect"

/** The least time of a call that waited for a delayed acknowledgement, in milliseconds. */
const DELAYED = 38

const CALLS = 20

export class AckTimes {
  private slow = 0
  private warned = false

  /** The answer to a small call took this many milliseconds. */
  add(millis: number): Effect.Effect<void> {
    this.slow = millis < DELAYED ? 0 : this.slow + 1
    if (this.warned || this.slow < CALLS) return Effect.void
    this.warned = true
    return Effect.logWarning(
      `Each of the last ${CALLS} calls to runners took ${DELAYED} ms or more. If the runners are near, their sockets ` +
        "wait for delayed acknowledgements: provide ClusterDispatcher.layerClientProtocol and " +
        "ClusterDispatcher.layerSocketServer, which set TCP_NODELAY, in place of those of NodeClusterSocket, or use " +
        "NodeClusterHttp over websockets."
    )
  }
}
