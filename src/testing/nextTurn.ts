/**
 * Calls a function in the next turn of the event loop. In browsers, which have no `setImmediate`, that is the turn of the
 * next timer, because the scheduler of Effect yields by timers there.
 */
export const nextTurn = (f: () => void): void => {
  if ("setImmediate" in globalThis) setImmediate(f)
  else setTimeout(f, 0)
}
