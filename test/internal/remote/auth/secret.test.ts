import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { spawnSync } from "node:child_process"
import { createHmac } from "node:crypto"
import { inspect } from "node:util"
import * as Identity from "../../../../src/internal/remote/auth/identity.ts"
import * as Secret from "../../../../src/internal/remote/auth/secret.ts"

const worker = { role: "worker", group: "g" } as const

/** RFC 5869 with one round, which is all that 32 bytes take. */
const hkdf = (key: Uint8Array, info: string) => {
  const prk = createHmac("sha256", "papyros").update(key).digest()
  return createHmac("sha256", prk).update(info).update(Uint8Array.of(1)).digest()
}

const Bytes = Schema.Array(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 255 })))

describe("Secret", () => {
  it.effect.prop(
    "hex, base64 and base64url of the same bytes are the same secret",
    { bytes: Bytes.check(Schema.isMinLength(16), Schema.isMaxLength(64)) },
    ({ bytes }) =>
      Effect.gen(function*() {
        const buffer = Buffer.from(bytes)
        const expected = hkdf(buffer, "worker/g")
        for (const text of [buffer.toString("hex"), buffer.toString("base64"), buffer.toString("base64url")]) {
          const secret = yield* Effect.fromResult(Secret.parse(`  ${text}\n`))
          const { identity, psk } = Identity.clientKey(secret, worker)
          assert.deepStrictEqual(psk, expected)
          assert.strictEqual(identity, `worker/g/${hkdf(buffer, "id").toString("hex").slice(0, 16)}`)
        }
      })
  )

  it.effect("every identity has its own key", () =>
    Effect.gen(function*() {
      const secret = yield* Secret.generate
      const identities = [worker, { role: "client", group: "g" }, { role: "worker", group: "h" }, Identity.operator]
      const keys = identities.map((identity) =>
        Identity.clientKey(secret, identity as Identity.Identity).psk.toString("hex")
      )
      assert.strictEqual(new Set(keys).size, keys.length)
    }))

  it.effect("of several secrets the first is used to connect, and each of them is accepted", () =>
    Effect.gen(function*() {
      const [one, other, third] = [yield* Secret.generate, yield* Secret.generate, yield* Secret.generate]
      const texts = [Redacted.value(other), Redacted.value(one)]
      const both = yield* Effect.fromResult(Secret.parse(`\n${texts.join(" \n")}\n`))
      assert.deepStrictEqual(Identity.clientKey(both, worker), Identity.clientKey(other, worker))
      const keyFor = Identity.serverKeys(both, ({ group }) => group === "g")
      for (const secret of [one, other]) {
        const { identity, psk } = Identity.clientKey(secret, worker)
        assert.deepStrictEqual(keyFor(identity), { identity: worker, key: psk })
      }
      const { identity, psk } = Identity.clientKey(third, worker)
      for (const claimed of [identity, "worker/g", "worker/g/", identity.replace("/g/", "/h/")]) {
        const found = keyFor(claimed)
        assert.isUndefined(found.identity)
        assert.notDeepEqual(found.key, psk)
      }
      const mixed = Secret.parse(`${Redacted.value(one)} c2hvcnQ`)
      assert(Result.isFailure(mixed))
      assert.include(mixed.failure.message, "papyros secret")
    }))

  it("what cannot be used is refused without being repeated", () => {
    const short = "0123456789abcdef0123456789abcd"
    for (const text of ["", "hunter2", "two words of a secret and some more", short, "QUJDREVGR0hJSktMTU5P*Q=="]) {
      const parsed = Secret.parse(text)
      assert.isTrue(Result.isFailure(parsed))
      if (Result.isSuccess(parsed)) return
      assert.include(parsed.failure.message, "papyros secret")
      if (text !== "") assert.notInclude(inspect(parsed.failure, { depth: 9 }), text)
    }
    assert.isTrue(Result.isSuccess(Secret.parse(`${short}ef`)))
  })

  it.effect("a made one has 256 bits and is another each time, and none can be printed", () =>
    Effect.gen(function*() {
      const one = yield* Secret.generate
      const other = yield* Secret.generate
      const text = Redacted.value(one)
      assert.strictEqual(Buffer.from(text, "base64url").length, 32)
      assert.notStrictEqual(text, Redacted.value(other))
      const parsed = yield* Effect.fromResult(Secret.parse(text))
      for (const shown of [String(parsed), JSON.stringify({ parsed }), inspect({ parsed }, { depth: 9 })]) {
        assert.notInclude(shown, text)
      }
    }))

  it.effect("a file is used only if nobody but its owner can read it", () =>
    Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const path = `${yield* fs.makeTempDirectoryScoped()}/secret`
      const secret = yield* Secret.generate
      yield* fs.writeFileString(path, `${Redacted.value(secret)}\n`)
      for (const mode of [0o600, 0o400]) {
        yield* fs.chmod(path, mode)
        assert.deepStrictEqual(
          Identity.clientKey(yield* Secret.fromFile(path), worker),
          Identity.clientKey(secret, worker)
        )
      }
      for (const mode of [0o640, 0o604, 0o620, 0o666]) {
        yield* fs.chmod(path, mode)
        const error = yield* Effect.flip(Secret.fromFile(path))
        assert.strictEqual(error._tag, "InvalidSecret")
        assert.include(error.message, "chmod 600")
        assert.include(error.message, path)
        assert.notInclude(inspect(error, { depth: 9 }), Redacted.value(secret))
      }
      for (const [mode, accepted] of [[0o440, true], [0o640, true], [0o660, false], [0o444, false]] as const) {
        yield* fs.chmod(path, mode)
        const found = yield* Effect.result(Secret.fromFile(path, { groupReadable: true }))
        assert.strictEqual(found._tag === "Success", accepted, mode.toString(8))
      }
      yield* fs.writeFileString(path, "", { mode: 0o600 })
      yield* fs.chmod(path, 0o600)
      assert.strictEqual((yield* Effect.flip(Secret.fromFile(path)))._tag, "InvalidSecret")
      assert.strictEqual((yield* Effect.flip(Secret.fromFile(`${path}.missing`)))._tag, "PlatformError")
    }).pipe(Effect.provide(NodeFileSystem.layer)))

  it.effect("the environment is left without it", () =>
    Effect.gen(function*() {
      const secret = yield* Secret.generate
      process.env[Secret.VARIABLE] = Redacted.value(secret)
      const found = yield* Secret.fromEnvironment
      assert.isTrue(Option.isSome(found))
      assert.deepStrictEqual(Identity.clientKey(Option.getOrThrow(found), worker), Identity.clientKey(secret, worker))
      assert.notProperty(process.env, Secret.VARIABLE)
      const child = spawnSync(process.execPath, ["-p", `process.env.${Secret.VARIABLE}`], { encoding: "utf8" })
      assert.strictEqual(child.stdout.trim(), "undefined")
      assert.isTrue(Option.isNone(yield* Secret.fromEnvironment))
    }))

  it.effect("an empty variable is a mistake, and an unusable one is removed too", () =>
    Effect.gen(function*() {
      for (const text of ["", "short"]) {
        process.env[Secret.VARIABLE] = text
        assert.strictEqual((yield* Effect.flip(Secret.fromEnvironment))._tag, "InvalidSecret")
        assert.notProperty(process.env, Secret.VARIABLE)
      }
    }))
})

describe("Identity", () => {
  it("is written as role/group, and nothing else is read", () => {
    for (const identity of [worker, { role: "client", group: "A.b_c-9" }, Identity.operator] as const) {
      assert.deepStrictEqual(Identity.parse(Identity.format(identity)), identity)
    }
    assert.strictEqual(Identity.format(worker), "worker/g")
    const wrong = ["", "worker", "worker/", "/g", "worker/*", "operator/g", "root/g", "worker/a b", "worker/a/b"]
    for (const text of [...wrong, "worker/\u001b", `worker/${"x".repeat(65)}`, "worker/g\n", "constructor/g"]) {
      assert.isUndefined(Identity.parse(text))
    }
  })
})
