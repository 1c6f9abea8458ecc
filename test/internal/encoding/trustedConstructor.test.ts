import { assert, describe, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import { trustedConstructor } from "../../../src/internal/encoding/trustedConstructor.ts"

const fields = { n: Schema.Number, text: Schema.optionalKey(Schema.String) }
const declared = [{ name: "n", optional: false }, { name: "text", optional: true }]

type AnyClass = abstract new(...args: ReadonlyArray<never>) => object

const trusted = (Class: new(fields: { n: number; text?: string }) => object, input: { n: number; text?: string }) =>
  trustedConstructor(Class as AnyClass, declared, undefined, input, new Class(input))

class Empty extends Schema.Class<Empty>("Empty")(fields) {}

class Methods extends Schema.Class<Methods>("Methods")(fields) {
  get double() {
    return this.n * 2
  }
  plus(other: number) {
    const sum = this.n + other
    return sum
  }
  *[Symbol.iterator]() {
    yield this.n
  }
}

class Tagged extends Schema.TaggedClass<Tagged>()("Tagged", fields) {}
const made: Array<unknown> = []
class Child extends Empty.extend<Child>("Child")({ more: Schema.Boolean }) {}

const refused: Record<string, new(fields: { n: number; text?: string }) => object> = {
  constructor: class extends Schema.Class<any>("A")(fields) {
    constructor(...args: ReadonlyArray<any>) {
      super(...args as [any])
      Object.defineProperty(this, "hidden", { value: 1 })
    }
  },
  "a field": class extends Schema.Class<any>("A")(fields) {
    more = 1
  },
  "a field that hides a declared one with the same value": class extends Schema.Class<any>("A")(fields) {
    override n = 1
  },
  "a private field": class extends Schema.Class<any>("A")(fields) {
    #secret = 1
    get secret() {
      return this.#secret
    }
  },
  "a static block": class extends Schema.Class<any>("A")(fields) {
    static count = 0
  },
  "text that hides brackets": class extends Schema.Class<any>("A")(fields) {
    open() {
      return "{"
    }
    more = 1
    close() {
      return "}"
    }
  },
  "a parent with a field": (() => {
    class Parent extends Schema.Class<any>("Parent")(fields) {
      more = 1
    }
    return class extends Parent.extend<any>("Kid")({}) {}
  })(),
  "a parent with a private field": (() => {
    class Parent extends Schema.Class<any>("Parent")(fields) {
      #secret = 1
      get secret() {
        return this.#secret
      }
    }
    return class extends Parent.extend<any>("Kid")({}) {}
  })(),
  "a parent with a constructor": (() => {
    class Parent extends Schema.Class<any>("Parent")(fields) {
      constructor(...args: ReadonlyArray<any>) {
        super(...args as [any])
        made.push(this)
      }
    }
    return class extends Parent.extend<any>("Kid")({}) {}
  })(),
  "an identifier of its own": class extends Schema.Class<any>("A")(fields) {
    static override readonly identifier = "B"
    constructor(...args: ReadonlyArray<any>) {
      super(...args as [any])
      made.push(this)
    }
  }
}

describe("trustedConstructor", () => {
  for (const [name, Class] of Object.entries({ Empty, Methods })) {
    it(`makes what new makes: ${name}`, () => {
      const make = trusted(Class, { n: 1 })
      assert.isDefined(make)
      for (const input of [{ n: 2 }, { n: 3, text: "a" }]) {
        const made = make!(input)
        const expected = new Class(input)
        assert.instanceOf(made, Class)
        assert.deepStrictEqual(made, expected)
        assert.deepStrictEqual(Reflect.ownKeys(made), Reflect.ownKeys(expected))
      }
      assert.isFalse("text" in make!({ n: 1 }))
    })
  }

  it("sets the tag first", () => {
    const instance = new Tagged({ n: 1 })
    const make = trustedConstructor(Tagged as AnyClass, declared, "Tagged", { n: 1 }, instance)
    assert.deepStrictEqual(Reflect.ownKeys(make!({ n: 2, text: "b" })), ["_tag", "n", "text"])
  })

  it("makes instances of a class that extends another", () => {
    const input = { n: 1, more: true }
    const more = [...declared, { name: "more", optional: false }]
    const make = trustedConstructor(Child as AnyClass, more, undefined, input, new Child(input))
    assert.deepStrictEqual(make!({ n: 2, more: false }), new Child({ n: 2, more: false }))
  })

  for (const [name, Class] of Object.entries(refused)) {
    it(`there is none for a class with ${name}`, () => {
      assert.isUndefined(trusted(Class, { n: 1 }))
    })
  }

  it("there is none where the first instance does not have the fields that it was made of", () => {
    assert.isUndefined(
      trustedConstructor(Empty as AnyClass, declared, undefined, { n: 2 }, new Empty({ n: 1 }))
    )
  })
})
