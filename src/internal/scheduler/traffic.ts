/**
 * The bytes that an executor sends to its workers and receives from them, summed over its connections.
 *
 * Must stay true: the sums never fall; a connection that has ended keeps its part. Connections count by themselves, and
 * are read when somebody exports.
 */
import type * as Contract from "./contract.ts"

export class Traffic {
  private endedSent = 0
  private endedReceived = 0
  private readonly open = new Set<Contract.ConnectionBytes>()

  /** Counts the bytes of a connection, until the returned function is called. */
  add(connection: Contract.ConnectionBytes): () => void {
    this.open.add(connection)
    return () => {
      if (!this.open.delete(connection)) return
      this.endedSent += connection.sent
      this.endedReceived += connection.received
    }
  }

  get sent(): number {
    let sum = this.endedSent
    for (const { sent } of this.open) sum += sent
    return sum
  }

  get received(): number {
    let sum = this.endedReceived
    for (const { received } of this.open) sum += received
    return sum
  }
}
