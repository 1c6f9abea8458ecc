import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { Socket } from "node:net"
import * as Address from "../../../../src/internal/remote/transport/address.ts"

describe("Address", () => {
  it.effect.prop(
    "reads what it prints",
    {
      host: Schema.Literals(["localhost", "10.0.0.1", "::1", "fe80::1", "a.b-c_d", "::ffff:127.0.0.1"]),
      port: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 65_535 }))
    },
    (address) => Effect.sync(() => assert.deepStrictEqual(Address.parse(Address.format(address)), Option.some(address)))
  )

  it("puts brackets around an IPv6 address only", () => {
    assert.strictEqual(Address.format({ host: "::1", port: 7427 }), "[::1]:7427")
    assert.strictEqual(Address.format({ host: "h", port: 1 }), "h:1")
  })

  it("refuses everything else", () => {
    for (
      const text of ["", "h", "h:", ":1", "h:0", "h:65536", "h:123456", "::1:7427", "[::1]", "a b:1", "h:1x", "[h]:1"]
    ) {
      assert.isTrue(Option.isNone(Address.parse(text)), text)
    }
  })

  it("prints the other end of a socket that has none", () => {
    assert.strictEqual(Address.formatRemote(new Socket()), "a closed connection")
  })
})
