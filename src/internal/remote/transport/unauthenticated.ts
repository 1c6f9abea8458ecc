/**
 * Connections that have not shown yet that they may be here: they get little time,
 * and there is little room. When it is full the oldest goes and not the newest, so
 * that whoever holds many open keeps nobody out who can show it at once.
 */
import type * as Net from "node:net"

/** How many at once. */
const MAX_UNAUTHENTICATED = 64

/** How long each, in milliseconds. */
const AUTH_TIMEOUT = 5000

/** How much each may say, in bytes. With TLS, where it may say only a handshake, OpenSSL sees to that. */
export const MAX_UNAUTHENTICATED_BYTES = 4096

export class UnauthenticatedConnections {
  private readonly timers = new Map<Net.Socket, NodeJS.Timeout>()

  has(socket: Net.Socket): boolean {
    return this.timers.has(socket)
  }

  add(socket: Net.Socket): void {
    if (this.timers.size >= MAX_UNAUTHENTICATED) {
      const [oldest] = this.timers.keys()
      this.remove(oldest)
      oldest.destroy()
    }
    this.timers.set(socket, setTimeout(() => socket.destroy(), AUTH_TIMEOUT).unref())
    socket.once("close", () => this.remove(socket))
  }

  /** It is none any more. */
  remove(socket: Net.Socket): void {
    clearTimeout(this.timers.get(socket))
    this.timers.delete(socket)
  }
}
