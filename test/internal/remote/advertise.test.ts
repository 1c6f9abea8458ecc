import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as Os from "node:os"
import * as Advertise from "../../../src/internal/remote/advertise.ts"

/** The interfaces of a host, by their addresses. */
const interfaces = (...addresses: ReadonlyArray<string>) => (): ReturnType<typeof Os.networkInterfaces> => ({
  lo: [{ address: "127.0.0.1", netmask: "255.0.0.0", family: "IPv4", mac: "", internal: true, cidr: null }],
  eth0: addresses.map((address) =>
    address.includes(":")
      ? { address, netmask: "", family: "IPv6", mac: "", internal: false, cidr: null, scopeid: 0 }
      : { address, netmask: "", family: "IPv4", mac: "", internal: false, cidr: null }
  )
})

describe("the advertised address", () => {
  it("is a host, or a host and a port", () => {
    const port = undefined
    for (
      const [text, expected] of Object.entries({
        "10.0.0.2": { host: "10.0.0.2", port },
        "worker-0.papyros": { host: "worker-0.papyros", port },
        "example.com:7000": { host: "example.com", port: 7000 },
        "::1": { host: "::1", port },
        "[fe80::1%eth0]:7000": { host: "fe80::1%eth0", port: 7000 }
      })
    ) {
      assert.deepStrictEqual(Advertise.parse(text), Option.some(expected))
    }
    for (const text of ["", "a b", "h:0", "h:70000", "h:x", "0.0.0.0", "0.0.0.0:7000", "::", "[::0]:1", "http://h"]) {
      assert.isTrue(Option.isNone(Advertise.parse(text)), text)
    }
  })

  it.effect("is the one on which the worker listens, unless it is told another", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* Advertise.advertised("10.0.0.2", undefined), { host: "10.0.0.2", port: undefined })
      assert.deepStrictEqual(yield* Advertise.advertised("0.0.0.0", "h:1"), { host: "h", port: 1 })
      const defect = yield* Effect.exit(Advertise.advertised("10.0.0.2", "0.0.0.0"))
      assert.include(String(defect), "advertise must be host or host:port")
    }))

  it.effect("is the only address of the host, if the worker listens on all; it is refused if there are several", () =>
    Effect.gen(function*() {
      const host = (host: string, ...addresses: ReadonlyArray<string>) =>
        Advertise.advertised(host, undefined, interfaces(...addresses))
      assert.strictEqual((yield* host("0.0.0.0", "10.0.0.2", "fd00::2", "fe80::2")).host, "10.0.0.2")
      assert.strictEqual((yield* host("::", "10.0.0.2", "fd00::2")).host, "10.0.0.2")
      assert.strictEqual((yield* host("::", "fd00::2", "fe80::2")).host, "fd00::2")
      const several = yield* Effect.flip(host("0.0.0.0", "10.0.0.2", "192.168.0.2"))
      assert.include(several.message, "10.0.0.2, 192.168.0.2")
      assert.include(several.message, "--advertise")
      const none = yield* Effect.flip(host("0.0.0.0", "fd00::2"))
      assert.include(none.message, "has no address of a network")
    }))
})
