import { afterEach, assert, describe, it, vi } from "@effect/vitest"
import { ThreadOutbox } from "../../../../src/internal/threads/protocol/outbox.ts"

type Message = { readonly id: number; readonly value?: unknown }

const make = (collected: Array<Message> = []) => {
  const posted: Array<ReadonlyArray<Message>> = []
  const transfers: Array<ReadonlyArray<ArrayBuffer>> = []
  const outbox = new ThreadOutbox<Message>(
    (messages, transferred) => {
      structuredClone(messages)
      posted.push(messages)
      transfers.push(transferred)
    },
    [({ id, value }) => ({ id, value: Array.isArray(value) ? value.slice(0, 1) : value }), ({ id }) => ({ id })],
    (add) => {
      const message = collected.shift()
      if (message !== undefined) add(message)
    }
  )
  return { outbox, posted, transfers }
}

describe("ThreadOutbox", () => {
  afterEach(() => {
    vi.useRealTimers()
  })

  it("sends what was added in one array, in order, and nothing twice", () => {
    const { outbox, posted } = make()
    outbox.add({ id: 1 })
    outbox.add({ id: 2 })
    outbox.send()
    outbox.send()
    outbox.add({ id: 3 })
    outbox.send()
    assert.deepStrictEqual(posted, [[{ id: 1 }, { id: 2 }], [{ id: 3 }]])
  })

  it("puts collected messages before all others, also if there are no others", () => {
    const { outbox, posted } = make([{ id: 10 }, { id: 11 }])
    outbox.add({ id: 1 })
    outbox.send()
    outbox.send()
    outbox.send()
    assert.deepStrictEqual(posted, [[{ id: 10 }, { id: 1 }], [{ id: 11 }]])
  })

  it("sends messages one by one, and transfers nothing, if one of them cannot be cloned", () => {
    const { outbox, posted, transfers } = make()
    outbox.add({ id: 1, value: () => {} })
    outbox.add({ id: 2, value: 2 })
    outbox.add({ id: 3, value: [1, () => {}] })
    outbox.transfer([new ArrayBuffer(1)])
    outbox.send()
    assert.deepStrictEqual(posted, [[{ id: 1 }], [{ id: 2, value: 2 }], [{ id: 3, value: [1] }]])
    assert.deepStrictEqual(transfers, [[], [], []])
  })

  it("drops a message that no repair helps, and sends the others", () => {
    const posted: Array<unknown> = []
    const outbox = new ThreadOutbox<number>((messages) => {
      if (messages.includes(2)) throw new Error("no")
      posted.push(messages)
    }, [(message) => message])
    for (const message of [1, 2, 3]) outbox.add(message)
    outbox.send()
    assert.deepStrictEqual(posted, [[1], [3]])
  })

  it("transfers each buffer once, with the messages that it was added for", () => {
    const { outbox, transfers } = make()
    const [a, b] = [new ArrayBuffer(1), new ArrayBuffer(2)]
    outbox.add({ id: 1 })
    outbox.transfer([a, b])
    outbox.transfer([b, a])
    outbox.send()
    outbox.add({ id: 2 })
    outbox.send()
    assert.deepStrictEqual(transfers, [[a, b], []])
  })

  it("sends within 100 ms, once, after sendSoon", () => {
    vi.useFakeTimers()
    const { outbox, posted } = make()
    outbox.add({ id: 1 })
    outbox.sendSoon()
    vi.advanceTimersByTime(60)
    outbox.add({ id: 2 })
    outbox.sendSoon()
    assert.deepStrictEqual(posted, [])
    vi.advanceTimersByTime(40)
    assert.deepStrictEqual(posted, [[{ id: 1 }, { id: 2 }]])
    vi.advanceTimersByTime(200)
    outbox.add({ id: 3 })
    outbox.sendSoon()
    vi.advanceTimersByTime(100)
    assert.deepStrictEqual(posted, [[{ id: 1 }, { id: 2 }], [{ id: 3 }]])
  })
})
