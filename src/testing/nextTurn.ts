/**
 * Calls a function in the next turn of the event loop. Browsers have no `setImmediate`, and their timers wait for 4 ms
 * when they follow each other.
 */
export const nextTurn = (f: () => void): void => {
  if ("setImmediate" in globalThis) return void setImmediate(f)
  const { port1, port2 } = new MessageChannel()
  const port: { onmessage?: () => void } = port1 as object
  port.onmessage = () => {
    port2.close()
    f()
  }
  port2.postMessage(0)
}
