import { assert, describe, it } from "@effect/vitest"
import { EventEmitter } from "node:events"
import { ERASE, frameOf, type Host, SharedTerminal } from "../../../src/internal/progress/sharedTerminal.ts"

const FRAME = frameOf(["bar"])

/** A process whose terminal is a list of what was written, with the signals that it has sent to itself. */
class FakeProcess extends EventEmitter implements Host {
  readonly written: Array<unknown> = []
  readonly killed: Array<string> = []
  readonly pid = 1
  readonly platform = "linux"
  readonly stdout = new FakeOutput(this.written)
  readonly stderr = new FakeOutput(this.written)

  kill(_: number, signal: string): void {
    this.killed.push(signal)
  }
}

class FakeOutput extends EventEmitter {
  isTTY = true
  errored: Error | null = null
  closed = false
  private readonly to: Array<unknown>

  constructor(to: Array<unknown>) {
    super()
    this.to = to
  }

  write(chunk: unknown, ...rest: ReadonlyArray<unknown>): boolean {
    this.to.push(chunk, ...rest)
    return false
  }
}

/** A terminal on which a bar stands. */
const standing = () => {
  const host = new FakeProcess()
  const terminal = new SharedTerminal(host)
  terminal.install()
  draw(host, terminal)
  host.written.length = 0
  return { host, terminal }
}

const draw = (host: FakeProcess, terminal: SharedTerminal, text = FRAME) => {
  terminal.announce(text)
  host.stderr.write(text)
}

/** Microtasks have run. */
const later = () => Promise.resolve()

const assertNothingLeft = async ({ stderr, stdout, ...host }: FakeProcess) => {
  await new Promise(setImmediate)
  assert.deepStrictEqual([Object.hasOwn(stderr, "write"), Object.hasOwn(stdout, "write")], [false, false])
  assert.deepStrictEqual([...EventEmitter.prototype.eventNames.call(host), ...stderr.eventNames()], [])
}

describe("SharedTerminal", () => {
  it("erases bars before other output, and draws them once behind the output of a turn", async () => {
    const { host, terminal } = standing()
    host.stdout.write("a\n")
    host.stderr.write(new TextEncoder().encode("b\n"))
    host.stdout.write("c\n\u001b[0m")
    assert.deepStrictEqual(host.written.length, 4)
    await later()
    assert.deepStrictEqual(host.written.filter((text) => typeof text === "string"), [
      ERASE,
      "a\n",
      "c\n\u001b[0m",
      FRAME
    ])
    terminal.uninstall()
    assert.strictEqual(host.written.at(-1), ERASE)
    await assertNothingLeft(host)
  })

  it("passes arguments and results of other writes on, and their errors", () => {
    const { host, terminal } = standing()
    const done = () => {}
    assert.isFalse(host.stdout.write("a", "utf8", done))
    assert.deepStrictEqual(host.written, [ERASE, "a", "utf8", done])
    terminal.uninstall()
    const failing = new FakeProcess()
    failing.stderr.write = () => {
      throw new TypeError("no")
    }
    const other = new SharedTerminal(failing)
    other.install()
    assert.throws(() => failing.stderr.write("x"), TypeError)
    other.uninstall()
    assert.throws(() => failing.stderr.write("x"), TypeError)
  })

  it("still knows of its bars when a program writes undefined", () => {
    const { host, terminal } = standing()
    host.stdout.write(undefined)
    assert.deepStrictEqual(host.written, [ERASE, undefined])
    terminal.uninstall()
  })

  it("draws nothing behind the output of other listeners at the end of the process", async () => {
    const { host } = standing()
    host.on("exit", () => host.stdout.write("bye\n"))
    host.emit("exit")
    await later()
    assert.deepStrictEqual(host.written, [ERASE, "bye\n"])
  })

  it("draws nothing while a line has not ended, then the latest bars", async () => {
    const { host, terminal } = standing()
    host.stdout.write("Name: ")
    host.stdout.write("")
    const newer = frameOf(["newer"])
    let isDone = false
    terminal.announce(newer)
    assert.isTrue(host.stderr.write(newer, () => isDone = true))
    await later()
    assert.deepStrictEqual([host.written, isDone], [[ERASE, "Name: ", ""], true])
    host.stderr.write("x\n")
    await later()
    assert.deepStrictEqual(host.written.slice(3), ["x\n", newer])
    host.stderr.write("half")
    draw(host, terminal, ERASE)
    terminal.uninstall()
    assert.deepStrictEqual(host.written.slice(5), [ERASE, "half"])
  })

  it("leaves other output as it is where bars never pass or no longer stand", async () => {
    const { host, terminal } = standing()
    draw(host, terminal, ERASE)
    host.written.length = 0
    host.stdout.write("a\n")
    await later()
    assert.deepStrictEqual(host.written, ["a\n"])
    terminal.uninstall()
    const apart = new FakeProcess()
    const elsewhere = new SharedTerminal(apart)
    elsewhere.install()
    elsewhere.announce(FRAME)
    apart.stdout.write("a\n")
    elsewhere.uninstall()
    await later()
    assert.deepStrictEqual(apart.written, ["a\n"])
    await assertNothingLeft(apart)
  })

  it("changes nothing of a process without a terminal, and does not wrap a stdout that is none", async () => {
    const host = new FakeProcess()
    host.stdout.isTTY = false
    const terminal = new SharedTerminal(host)
    terminal.install()
    assert.isFalse(Object.hasOwn(host.stdout, "write"))
    assert.isTrue(Object.hasOwn(host.stderr, "write"))
    terminal.uninstall()
    host.stderr.isTTY = false
    terminal.install()
    await assertNothingLeft(host)
    terminal.uninstall()
  })

  it("restores a write that the program had replaced, and stays out of one that it replaces later", () => {
    const host = new FakeProcess()
    const own = host.stderr.write.bind(host.stderr)
    host.stderr.write = own
    const terminal = new SharedTerminal(host)
    terminal.install()
    const wrapped = host.stdout.write
    const over = (...args: [string]) => wrapped.apply(host.stdout, args)
    host.stdout.write = over
    draw(host, terminal)
    terminal.uninstall()
    assert.strictEqual(host.stderr.write, own)
    assert.strictEqual(host.stdout.write, over)
    host.written.length = 0
    host.stdout.write("a")
    assert.deepStrictEqual(host.written, ["a"])
  })

  for (const signal of ["SIGINT", "SIGTERM", "SIGQUIT"] as const) {
    it(`erases the bars at ${signal}, and then ends the process by it`, async () => {
      const { host } = standing()
      host.emit(signal)
      assert.deepStrictEqual([host.written, host.killed], [[ERASE], [signal]])
      await assertNothingLeft(host)
    })

    it(`leaves ${signal} to other listeners, and draws again if they do not end the process`, async () => {
      const { host, terminal } = standing()
      const other = () => {}
      host.on(signal, other)
      host.emit(signal)
      assert.deepStrictEqual([host.written, host.killed], [[ERASE], []])
      await later()
      assert.deepStrictEqual([host.written, host.killed], [[ERASE, FRAME], []])
      terminal.uninstall()
      host.off(signal, other)
      await assertNothingLeft(host)
    })

    it(`does not keep the process alive at ${signal} for listeners that end it only if they are the only ones`, () => {
      for (const isFirst of [true, false]) {
        const host = new FakeProcess()
        // As `signal-exit` does.
        const alone = () => {
          if (host.listenerCount(signal) > 1) return
          host.off(signal, alone)
          host.kill(host.pid, signal)
        }
        if (isFirst) host.on(signal, alone)
        const terminal = new SharedTerminal(host)
        terminal.install()
        if (!isFirst) host.on(signal, alone)
        draw(host, terminal)
        host.emit(signal)
        assert.deepStrictEqual([host.written, host.killed], [[FRAME, ERASE], [signal]])
        terminal.uninstall()
      }
      const { host, terminal } = standing()
      const second = new SharedTerminal(host)
      second.install()
      host.emit(signal)
      assert.deepStrictEqual(host.killed, [signal])
      second.uninstall()
      terminal.uninstall()
    })
  }

  it("erases the bars at SIGTSTP and at the end of the process, and a stopped process may end", async () => {
    const { host, terminal } = standing()
    host.emit("SIGTSTP")
    assert.deepStrictEqual([host.written, host.killed, host.listenerCount("SIGTSTP")], [[ERASE], ["SIGTSTP"], 0])
    draw(host, terminal)
    assert.deepStrictEqual(host.written, [ERASE])
    terminal.uninstall()
    await assertNothingLeft(host)
    const ending = standing()
    ending.host.emit("exit")
    assert.deepStrictEqual(ending.host.written, [ERASE])
    ending.terminal.uninstall()
  })

  it("survives the error of its last write", async () => {
    const failing = new FakeProcess()
    const write = failing.stderr.write.bind(failing.stderr)
    failing.stderr.write = (chunk) => {
      process.nextTick(() => failing.stderr.emit("error", new Error("EPIPE")))
      return write(chunk)
    }
    const terminal = new SharedTerminal(failing)
    terminal.install()
    draw(failing, terminal)
    terminal.uninstall()
    await new Promise(setImmediate)
    assert.deepStrictEqual([failing.written, failing.stderr.eventNames()], [[FRAME, ERASE], []])
  })

  it("survives a stderr that fails, and its error that comes later", async () => {
    const { host, terminal } = standing()
    host.stderr.emit("error", new Error("EIO"))
    host.stderr.errored = new Error("EIO")
    terminal.uninstall()
    await new Promise(setImmediate)
    host.stderr.emit("error", new Error("EIO"))
    host.stderr.emit("close")
    await assertNothingLeft(host)
  })
})
