import { assert, describe, it } from "@effect/vitest"
import * as Redacted from "effect/Redacted"
import { parse } from "../../../src/internal/durable/databaseUrl.ts"

const kindOf = (text: string) => parse(Redacted.make(text)).kind

describe("The name of a database", () => {
  it("is a file unless it may be meant as a URL, whose password a message with the file would show", () => {
    const files = [
      "runs.db",
      "/a b/runs.db",
      "C:\\Users\\me@home\\runs.db",
      "a:b/me@home.db",
      "file:///x.db?mode=ro",
      "http.db"
    ]
    for (const file of files) assert.strictEqual(kindOf(file), "file", file)
    const malformed = [
      "mysql://me:hunter2@db/x",
      "postgres:/me:hunter2@db/x",
      "postgresql:me:hunter2@db/x",
      "'postgres://me:hunter2@db/x'",
      "postgres ://me:hunter2@db/x",
      "postgres://me:hunter2@[::bad/x",
      "me:hunter2@db/x",
      "host=db user=me password=hunter2",
      "url = postgres://me:hunter2@db/x"
    ]
    for (const text of malformed) assert.strictEqual(kindOf(text), "unknown", text)
  })

  it("is a URL with white space around it", () => {
    for (const text of ["postgres://me:hunter2@db/x", " PostgreSQL://me:hunter2@db/x\n"]) {
      const name = parse(Redacted.make(text))
      assert.isTrue(name.kind === "postgres" && name.hasPassword)
      if (name.kind === "postgres") assert.strictEqual(Redacted.value(name.url), text.trim())
    }
  })
})
