import { assert, describe, it } from "@effect/vitest"
import { afterEach, vi } from "vitest"

/** The part of `page/connection.ts` that the test uses. The types of browsers, which it needs, are not here. */
interface Connection {
  readonly connect: (handlers: {
    readonly onSnapshot: () => void
    readonly onFrame: () => void
    readonly onStatus: (status: { readonly state: string }) => void
  }) => { readonly retry: () => void }
}

class FakeSource {
  static readonly all: Array<FakeSource> = []
  isClosed = false
  onerror: (() => void) | undefined
  private readonly listeners = new Map<string, (event: { readonly data: string }) => void>()

  constructor() {
    FakeSource.all.push(this)
  }

  addEventListener(name: string, listener: (event: { readonly data: string }) => void): void {
    this.listeners.set(name, listener)
  }

  send(name: string, data = ""): void {
    this.listeners.get(name)!({ data })
  }

  close(): void {
    this.isClosed = true
  }
}

describe("The connection of the page", () => {
  afterEach(() => {
    vi.unstubAllGlobals()
  })

  it("keeps a connection that was opened while it asked why the one before was lost", async () => {
    let answer = (_: unknown): void => {}
    const asked = new Promise((resolve) => answer = resolve)
    vi.stubGlobal("location", { hash: "" })
    vi.stubGlobal("document", { hidden: false, addEventListener: () => {} })
    vi.stubGlobal("EventSource", FakeSource)
    vi.stubGlobal("fetch", () => asked)
    const { connect }: Connection = await import(new URL("../../page/connection.ts", import.meta.url).href)
    const states: Array<string> = []
    const { retry } = connect({ onSnapshot: () => {}, onFrame: () => {}, onStatus: ({ state }) => states.push(state) })
    FakeSource.all[0].send("snapshot")
    FakeSource.all[0].onerror!()
    retry()
    FakeSource.all[1].send("snapshot")
    answer({ status: 404 })
    await asked
    await Promise.resolve()
    await Promise.resolve()
    assert.deepStrictEqual(states, ["live", "live"])
    assert.deepStrictEqual(FakeSource.all.map(({ isClosed }) => isClosed), [true, false])
  })
})
