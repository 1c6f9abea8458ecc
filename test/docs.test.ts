import * as NodeServices from "@effect/platform-node/NodeServices"
import { afterAll, assert, describe, it, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as ChildProcess from "effect/process/ChildProcess"
import * as ChildProcessSpawner from "effect/process/ChildProcessSpawner"
import * as Semaphore from "effect/Semaphore"
import * as Stream from "effect/Stream"
import {
  existsSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync
} from "node:fs"
import { tmpdir } from "node:os"
import { basename, dirname, join } from "node:path"
import { anchorsOf, commands, isThread, linked, linksOf, type Program, programs, shared } from "../scripts/docs.ts"
import * as Options from "../scripts/options.ts"
import { checkModules } from "./portability/project.ts"

const repository = process.cwd()

const all = programs()

/** Programs and commands run beside each other, this many at a time. */
const turns = Semaphore.makeUnsafe(2)

const runs = { concurrent: true, timeout: 300_000 }

/** A user's project that holds all programs of the documentation, with the repository as its `papyros`. */
const root = realpathSync(mkdtempSync(join(tmpdir(), "papyros-docs-")))
afterAll(() => rmSync(root, { recursive: true }))

{
  const installed = join(repository, "node_modules")
  const modules = join(root, "node_modules")
  mkdirSync(modules)
  for (const name of readdirSync(installed)) {
    if (!name.startsWith(".")) symlinkSync(join(installed, name), join(modules, name))
  }
  symlinkSync(repository, join(modules, "papyros"))
  writeFileSync(join(root, "package.json"), JSON.stringify({ type: "module" }))
  writeFileSync(
    join(root, "tsconfig.json"),
    JSON.stringify({
      extends: join(repository, "tsconfig.json"),
      // An example may define values that it does not use.
      compilerOptions: { noUnusedLocals: false },
      include: ["**/*.ts"]
    })
  )
  for (const { code, path } of [...all, ...shared()]) {
    const file = join(root, path)
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, code)
  }
}

const spawn = Effect.fnUntraced(function*(command: string, args: ReadonlyArray<string>, cwd: string) {
  const spawner = yield* ChildProcessSpawner.ChildProcessSpawner
  const child = yield* spawner.spawn(ChildProcess.make(command, args, { cwd, stdin: "ignore" }))
  const text = <E>(stream: Stream.Stream<Uint8Array, E>) => Stream.mkString(Stream.decodeText(stream))
  const [stdout, stderr, exitCode] = yield* Effect.all(
    [text(child.stdout), text(child.stderr), child.exitCode],
    { concurrency: "unbounded" }
  )
  return { stdout, stderr, exitCode: Number(exitCode) }
})

/** Replaces the path of a generated program by its document and line. */
const toDocument = (text: string): string =>
  text.replaceAll(`${root}/`, "").replace(
    /([\w./-]+\.(?:md|ts))\/[\w.-]+\.ts(?:\((\d+),(\d+)\)|:(\d+))/g,
    (_, document, line, column, traced) =>
      line === undefined ? `${document}:${traced}` : `${document}:${line}:${column}`
  )

const node = (...args: ReadonlyArray<string>) =>
  Effect.gen(function*() {
    const { exitCode, stderr, stdout } = yield* spawn(process.execPath, args, root)
    return { exitCode, stdout, output: toDocument(stdout + stderr) }
  })

const isTest = ({ path }: Program): boolean => path.endsWith(".test.ts")

/** Whether another program of the document loads it, and so runs it. */
const isLoaded = ({ path, prints }: Program): boolean =>
  prints.length === 0 &&
  all.some((other) =>
    other.path !== path && dirname(other.path) === dirname(path) && other.code.includes(`"./${basename(path)}"`)
  )

const title = ({ prints, where }: Program): string =>
  `the example at ${where} runs${prints.length > 0 ? " and prints the stated output" : ""}`

const runProgram = ({ path, prints }: Program) =>
  Effect.gen(function*() {
    const { exitCode, output, stdout } = yield* node("--conditions=papyros-source", path)
    assert.strictEqual(exitCode, 0, output)
    if (prints.length === 0) return
    assert.deepStrictEqual(
      stdout.trimEnd().split("\n").map((text, index) => `${prints[index]?.where ?? "nowhere"}: ${text}`),
      prints.map(({ text, where }) => `${where}: ${text}`)
    )
  })

describe("docs", () => {
  layer(NodeServices.layer)((it) => {
    it.effect("every example is type-checked", () =>
      Effect.gen(function*() {
        const tsc = `${repository}/node_modules/typescript/bin/tsc`
        const { exitCode, output } = yield* node(tsc, "-p", ".", "--pretty", "false", "--singleThreaded")
        // Errors in the sources themselves, whose paths lead out of the project, are reported by `npm run check`.
        const errors = output.split(/\n(?=\S)/).filter((error) => !error.startsWith("../"))
        assert.strictEqual(errors.join("\n"), "")
        if (output === "") assert.strictEqual(exitCode, 0)
      }), 120_000)

    for (const program of all) {
      if (isThread(program) || isTest(program) || isLoaded(program)) continue
      it.effect(title(program), () => turns.withPermit(runProgram(program)), runs)
    }
  })

  for (const { path, where } of all.filter(isTest)) {
    describe(`the tests at ${where}`, async () => {
      await import(/* @vite-ignore */ join(root, path))
    })
  }

  for (const { command, prints, where } of commands()) {
    it.effect(`the command at ${where} prints the stated output`, () =>
      turns.withPermit(Effect.gen(function*() {
        const { stderr, stdout } = yield* spawn("sh", ["-c", command], repository)
        assert.strictEqual(stdout, prints, `${where}: ${stderr}`)
      })).pipe(Effect.provide(NodeServices.layer)), runs)
  }

  it("the modules of the guides are those that `npm run test:portability` runs", checkModules)

  it("every link leads to a file, and to a heading where it names one", () => {
    const broken = linked.flatMap(linksOf).filter(({ anchor, path }) =>
      !existsSync(path) || (anchor !== undefined && !anchorsOf(path).has(anchor))
    )
    assert.deepStrictEqual(broken, [])
  })

  it("README.md has at most 8 KiB, CONTRIBUTING.md at most 6 KiB", () => {
    assert.isAtMost(readFileSync("README.md").length, 8192)
    assert.isAtMost(readFileSync("CONTRIBUTING.md").length, 6144)
  })

  it("the lists of options are those of the sources: `npm run docs` writes them", () => {
    for (const page of Options.pages) {
      const text = readFileSync(page, "utf8")
      assert.strictEqual(text, Options.update(text))
    }
  })

  it("the options of every public module are listed", () => {
    const listed = Options.pages.map((page) => readFileSync(page, "utf8")).join("")
    for (const name of Options.names) assert.include(listed, `<!-- options ${name} -->`)
  })

  it("every variable of the environment is in the reference", () => {
    const reference = readFileSync("docs/reference/environment.md", "utf8")
    const variables = globSync("src/**/*.ts").flatMap((file) =>
      readFileSync(file, "utf8").match(/"PAPYROS_\w+"/g) ?? []
    )
    assert.isNotEmpty(variables)
    for (const variable of variables) assert.include(reference, variable.slice(1, -1))
  })

  it("every flag of the command is in the reference", () => {
    const reference = readFileSync("docs/reference/cli.md", "utf8")
    const flags = globSync("src/cli/*.ts").flatMap((file) =>
      Array.from(
        readFileSync(file, "utf8").matchAll(/(?:Flags\.value|Flags\.toggle|timeout|number)(?:<[^(]*>)?\("([a-z-]+)"/g),
        ([, flag]) => `--${flag}`
      )
    )
    assert.isAbove(flags.length, 15)
    for (const flag of flags) assert.include(reference, flag)
  })
})
