import { assert, describe, it } from "@effect/vitest"
import * as Redacted from "effect/Redacted"
import { inspect } from "node:util"
import { Sessions } from "../../../src/internal/dashboard/access.ts"

const token = "a token of a dashboard"

describe("the sessions of a dashboard", () => {
  it("hold hashes of the token and of the ids, and neither of them itself", () => {
    const sessions = new Sessions(Redacted.make(token))
    const login = sessions.login(token, 0)
    assert.strictEqual(login._tag, "Accepted")
    const { session } = login as { readonly session: string }
    assert.isTrue(sessions.has(session, 1))
    const held = inspect(sessions, { depth: Infinity, showHidden: true })
    assert.include(held, "ends")
    assert.notInclude(held, session)
    assert.notInclude(held, token)
    for (const secret of [session, token]) {
      for (const encoding of ["hex", "base64"] as const) {
        assert.notInclude(held, Buffer.from(secret).toString(encoding))
      }
      // As the bytes of a Buffer are printed.
      assert.notInclude(held, Buffer.from(secret).toString("hex").replaceAll(/..(?=.)/g, "$& "))
    }
  })
})
