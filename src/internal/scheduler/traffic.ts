/**
 * The bytes that an executor sends to its workers and receives from them, summed over its connections.
 *
 * Must stay true: the sums never fall, even if a connection reports less than before; a connection that has ended keeps
 * its part. Connections count by themselves, and are read when somebody exports.
 */
import type * as Contract from "./contract.ts"

/** The most that a connection has reported. A socket that ends takes back the bytes that it has not sent. */
class Part {
  sent = 0
  received = 0
  private readonly connection: Contract.ConnectionBytes

  constructor(connection: Contract.ConnectionBytes) {
    this.connection = connection
  }

  read(): this {
    const { received, sent } = this.connection
    if (sent > this.sent) this.sent = sent
    if (received > this.received) this.received = received
    return this
  }
}

export class Traffic {
  private endedSent = 0
  private endedReceived = 0
  private readonly open = new Set<Part>()

  /** Counts the bytes of a connection, until the returned function is called. */
  add(connection: Contract.ConnectionBytes): () => void {
    const part = new Part(connection)
    this.open.add(part)
    return () => {
      if (!this.open.delete(part)) return
      const { received, sent } = part.read()
      this.endedSent += sent
      this.endedReceived += received
    }
  }

  get sent(): number {
    let sum = this.endedSent
    for (const part of this.open) sum += part.read().sent
    return sum
  }

  get received(): number {
    let sum = this.endedReceived
    for (const part of this.open) sum += part.read().received
    return sum
  }
}
