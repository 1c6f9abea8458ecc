import { assert, describe, it } from "@effect/vitest"
import * as Runner from "effect/cluster/Runner"
import * as RunnerAddress from "effect/cluster/RunnerAddress"
import { MemberView } from "../../../../src/internal/remote/registry/memberView.ts"

const runners = (...ports: ReadonlyArray<number>) =>
  ports.map((port) => Runner.make({ address: RunnerAddress.make("10.0.0.1", port), groups: ["g"], weight: 1 }))

const portsOf = (view: ReadonlyArray<Runner.Runner>) => view.map(({ address }) => address.port).toSorted()

describe("MemberView", () => {
  it("is the list of the name server on the first connection", () => {
    const view = new MemberView()
    view.connected()
    assert.deepStrictEqual(portsOf(view.listed(runners(1, 2))), [1, 2])
    assert.deepStrictEqual(portsOf(view.listed(runners(2, 3))), [2, 3])
    assert.deepStrictEqual(portsOf(view.expire()), [2, 3])
  })

  it("keeps the workers of before on a new connection, until they are listed or the grace has passed", () => {
    const view = new MemberView()
    view.connected()
    view.listed(runners(1, 2, 3))
    view.connected()
    assert.deepStrictEqual(portsOf(view.listed(runners())), [1, 2, 3])
    assert.deepStrictEqual(portsOf(view.listed(runners(1, 4))), [1, 2, 3, 4])
    // It was listed, so it has left.
    assert.deepStrictEqual(portsOf(view.listed(runners(4))), [2, 3, 4])
    // The connection was lost before all were back.
    view.connected()
    assert.deepStrictEqual(portsOf(view.listed(runners(2))), [2, 3, 4])
    assert.deepStrictEqual(portsOf(view.expire()), [2])
    assert.deepStrictEqual(portsOf(view.listed(runners(2, 3))), [2, 3])
    assert.deepStrictEqual(portsOf(view.listed(runners(3))), [3])
  })
})
