/**
 * Fails a test file that leaves its process changed, because other files run in the same process: replaced functions,
 * such as fake timers, variables of the environment, listeners of the process.
 *
 * The state is compared with that before the first file of the process, at the end of each file and at the start of
 * the next one: Vitest restores spies between them, and the original of a spy may be a fake that is gone.
 */
import { afterAll, assert, expect } from "vitest"

/** Objects with functions that a test may replace. */
const objects: Readonly<Record<string, object>> = {
  globalThis,
  Date,
  Math,
  JSON,
  performance,
  process,
  stdout: process.stdout,
  stderr: process.stderr,
  console,
  Array: Array.prototype,
  Map: Map.prototype,
  Promise
}

type State = ReadonlyMap<string, unknown>

const stateOf = (): State => {
  const state = new Map<string, unknown>()
  for (const [name, object] of Object.entries(objects)) {
    for (const key of Object.getOwnPropertyNames(object)) {
      const { value } = Object.getOwnPropertyDescriptor(object, key)!
      if (typeof value === "function") state.set(`${name}.${key}`, value)
    }
  }
  for (const [name, value] of Object.entries(process.env)) {
    if (!name.startsWith("VITEST_")) state.set(`process.env.${name}`, value)
  }
  for (const event of process.eventNames()) {
    process.listeners(event as "exit").forEach((listener, i) =>
      state.set(`listener ${i} of ${String(event)}`, listener)
    )
  }
  state.set("the working directory", process.cwd())
  state.set("process.exitCode", process.exitCode)
  return state
}

const changes = (before: State): ReadonlyArray<string> => {
  const after = stateOf()
  return [...new Set([...before.keys(), ...after.keys()])].filter((key) => before.get(key) !== after.get(key))
}

/** The state before the first file of this process, and the last file. Only `globalThis` outlives a file. */
const shared: { before: State; last: string } = (globalThis as any)[Symbol.for("papyros/test/leftovers")] ??= {
  before: stateOf(),
  last: ""
}

const check = (message: string): void => {
  const found = changes(shared.before)
  // The files that follow are not to blame.
  shared.before = stateOf()
  assert.deepStrictEqual(found, [], message)
}

check(`left behind by ${shared.last}`)

afterAll(() => {
  shared.last = expect.getState().testPath ?? ""
  check("left behind in the process")
})
