/**
 * Ends a connection whose peer says nothing for too long. Silence is the peer's only
 * if this process could have heard it: bytes that wait here unread, and a time in
 * which it was frozen or blocked, do not count.
 */
import type * as Net from "node:net"

/** How often it is looked at, per period. */
const LOOKS = 32

/** Calls `onSilent` once, unless stopped by what it returns. `raw` receives the bytes that `duplex` hands out. */
export const watch = (
  raw: Net.Socket,
  duplex: Net.Socket,
  silence: number,
  onSilent: () => void
): () => void => {
  let received = raw.bytesRead
  let heard = performance.now()
  let looked = heard
  let confirming: NodeJS.Immediate | undefined
  const hear = (now: number): boolean => {
    if (raw.bytesRead === received && duplex.readableLength === 0) return false
    received = raw.bytesRead
    heard = now
    return true
  }
  const timer = setInterval(() => {
    const now = performance.now()
    const late = now - looked > silence / 2
    looked = now
    if (hear(now)) return
    if (late) {
      heard = now
    } else if (now - heard >= silence && confirming === undefined) {
      // What has arrived by now is read before this is called.
      confirming = setImmediate(() => {
        confirming = undefined
        if (hear(performance.now())) return
        clearInterval(timer)
        onSilent()
      })
    }
  }, silence / LOOKS).unref()
  return () => {
    clearInterval(timer)
    clearImmediate(confirming)
  }
}
