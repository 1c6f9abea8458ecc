import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { Socket } from "node:net"
import * as Address from "../../src/internal/address.ts"

describe("Address", () => {
  it.effect.prop(
    "reads what it prints",
    {
      host: Schema.Literals([
        "localhost",
        "10.0.0.1",
        "::1",
        "fe80::1",
        "fe80::1%eth0",
        "fe80::1%4",
        "a.b-c_d",
        "::ffff:127.0.0.1"
      ]),
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
      const text of [
        "",
        "h",
        "h:",
        ":1",
        "h:0",
        "h:65536",
        "h:123456",
        "::1:7427",
        "[::1]",
        "a b:1",
        "h:1x",
        "[h]:1",
        "[::1%]:1",
        "[::1%e 0]:1"
      ]
    ) {
      assert.isTrue(Option.isNone(Address.parse(text)), text)
    }
  })

  it("knows the addresses that only this machine can have", () => {
    for (const ip of ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"]) assert.isTrue(Address.isLoopback(ip), ip)
    for (const ip of ["128.0.0.1", "::2", "::ffff:10.0.0.1", "fe80::1%eth0", undefined]) {
      assert.isFalse(Address.isLoopback(ip), ip)
    }
  })

  it("takes an IPv4 address or a /64 network as one source", () => {
    const sources = {
      "10.0.0.1": "10.0.0.1",
      "::ffff:10.0.0.1": "10.0.0.1",
      "::1": "0:0:0:0",
      "2001:db8::1": "2001:db8:0:0",
      "2001:db8:1:2:3:4:5:6": "2001:db8:1:2",
      "2001:db8:1:2::": "2001:db8:1:2",
      "fe80::fc:ff:fe00:1%eth0": "fe80:0:0:0"
    }
    for (const [ip, source] of Object.entries(sources)) assert.strictEqual(Address.sourceOf(ip), source)
  })

  it("prints the other end of a socket that has none", () => {
    assert.strictEqual(Address.formatRemote(new Socket()), "a closed connection")
  })
})
