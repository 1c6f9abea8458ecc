/**
 * Ends a connection whose peer sends nothing for too long. Clients send a ping every 2 seconds, and servers answer it,
 * so that both ends hear of a live peer several times within the timeout.
 *
 * Must stay true: only a time in which this process could have received bytes counts. Bytes that wait here unread, and
 * a time in which this process was suspended or blocked, prove nothing about the peer.
 */
import type * as Net from "node:net"

/** How long a peer may send nothing, in milliseconds. */
export const HEARTBEAT_TIMEOUT = 8000

/** How often a client sends a ping, in milliseconds. */
export const PING_INTERVAL = 2000

/** Checks in one timeout. */
const CHECKS = 32

/**
 * Calls `onTimeout` once, unless the returned function is called first. `raw` receives the bytes that `duplex` hands
 * out.
 */
export const watch = (raw: Net.Socket, duplex: Net.Socket, timeout: number, onTimeout: () => void): () => void => {
  let bytesRead = raw.bytesRead
  let lastReceived = performance.now()
  let lastCheck = lastReceived
  let confirming: NodeJS.Immediate | undefined
  const hasReceived = (now: number): boolean => {
    if (raw.bytesRead === bytesRead && duplex.readableLength === 0) return false
    bytesRead = raw.bytesRead
    lastReceived = now
    return true
  }
  const timer = setInterval(() => {
    const now = performance.now()
    const wasSuspended = now - lastCheck > timeout / 2
    lastCheck = now
    if (hasReceived(now)) return
    if (wasSuspended) {
      lastReceived = now
    } else if (now - lastReceived >= timeout && confirming === undefined) {
      // Bytes that have arrived at this process are read before an immediate runs.
      confirming = setImmediate(() => {
        confirming = undefined
        if (hasReceived(performance.now())) return
        clearInterval(timer)
        onTimeout()
      })
    }
  }, timeout / CHECKS).unref()
  return () => {
    clearInterval(timer)
    clearImmediate(confirming)
  }
}
