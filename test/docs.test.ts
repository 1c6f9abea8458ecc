import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it, layer } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import * as Path from "effect/Path"
import * as ChildProcess from "effect/process/ChildProcess"
import * as ChildProcessSpawner from "effect/process/ChildProcessSpawner"
import * as Semaphore from "effect/Semaphore"
import * as Stream from "effect/Stream"
import { existsSync, globSync, readFileSync } from "node:fs"
import { stripVTControlCharacters } from "node:util"
import { anchorsOf, commands, isThread, linked, linksOf, type Program, programs, shared } from "../scripts/docs.ts"
import * as Options from "../scripts/options.ts"

const repository = process.cwd()

/** Programs and commands run beside each other, this many at a time. */
const turns = Semaphore.makeUnsafe(2)

const runs = { concurrent: true, timeout: 300_000 }

/** A user's project that holds all programs of the documentation, with the repository as its `papyros`. */
class Project extends Context.Service<Project, { readonly root: string }>()("papyros/test/docs/Project") {
  static readonly layer = Layer.effect(
    Project,
    Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const path = yield* Path.Path
      const root = yield* fs.realPath(yield* fs.makeTempDirectoryScoped({ prefix: "papyros-docs-" }))
      const installed = path.join(repository, "node_modules")
      const modules = path.join(root, "node_modules")
      yield* fs.makeDirectory(modules)
      for (const name of yield* fs.readDirectory(installed)) {
        if (!name.startsWith(".")) yield* fs.symlink(path.join(installed, name), path.join(modules, name))
      }
      yield* fs.symlink(repository, path.join(modules, "papyros"))
      yield* fs.writeFileString(path.join(root, "package.json"), JSON.stringify({ type: "module" }))
      yield* fs.writeFileString(
        path.join(root, "tsconfig.json"),
        JSON.stringify({
          extends: path.join(repository, "tsconfig.json"),
          // An example may define values that it does not use.
          compilerOptions: { noUnusedLocals: false },
          include: ["**/*.ts"]
        })
      )
      yield* fs.writeFileString(
        path.join(root, "vitest.config.mjs"),
        `import config from ${JSON.stringify(path.join(repository, "vitest.config.ts"))}\n` +
          `export default { ...config, test: { ...config.test, projects: undefined, include: ["**/*.test.ts"] } }`
      )
      for (const program of [...programs(), ...shared()]) {
        const file = path.join(root, program.path)
        yield* fs.makeDirectory(path.dirname(file), { recursive: true })
        yield* fs.writeFileString(file, program.code)
      }
      return { root }
    })
  )
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
const toDocument = (text: string, root: string): string =>
  text.replaceAll(`${root}/`, "").replace(
    /([\w./-]+\.(?:md|ts))\/[\w.-]+\.ts(?:\((\d+),(\d+)\)|:(\d+))/g,
    (_, document, line, column, traced) =>
      line === undefined ? `${document}:${traced}` : `${document}:${line}:${column}`
  )

const node = (...args: ReadonlyArray<string>) =>
  Effect.gen(function*() {
    const { root } = yield* Project
    const { exitCode, stderr, stdout } = yield* spawn(process.execPath, args, root)
    return { exitCode, stdout, output: toDocument(stdout + stderr, root) }
  })

const isTest = ({ path }: Program): boolean => path.endsWith(".test.ts")

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
  layer(Layer.provideMerge(Project.layer, NodeServices.layer))((it) => {
    it.effect("every example is type-checked", () =>
      Effect.gen(function*() {
        const tsc = `${repository}/node_modules/typescript/bin/tsc`
        const { exitCode, output } = yield* node(tsc, "-p", ".", "--pretty", "false")
        // Errors in the sources themselves, whose paths lead out of the project, are reported by `npm run check`.
        const errors = output.split(/\n(?=\S)/).filter((error) => !error.startsWith("../"))
        assert.strictEqual(errors.join("\n"), "")
        if (output === "") assert.strictEqual(exitCode, 0)
      }), 120_000)

    const tests = programs().filter(isTest)
    it.effect(
      `the tests at ${tests.map(({ where }) => where).join(" and ")} pass`,
      () =>
        turns.withPermit(Effect.gen(function*() {
          const paths = tests.map(({ path }) => path)
          const { exitCode, output } = yield* node(`${repository}/node_modules/vitest/vitest.mjs`, "run", ...paths)
          assert.strictEqual(exitCode, 0, output)
          assert.match(stripVTControlCharacters(output), new RegExp(`Test Files +${paths.length} passed`))
        })),
      runs
    )

    for (const program of programs()) {
      if (isThread(program) || isTest(program)) continue
      it.effect(title(program), () => turns.withPermit(runProgram(program)), runs)
    }
  })

  for (const { command, prints, where } of commands()) {
    it.effect(`the command at ${where} prints the stated output`, () =>
      turns.withPermit(Effect.gen(function*() {
        const { stderr, stdout } = yield* spawn("sh", ["-c", command], repository)
        assert.strictEqual(stdout, prints, `${where}: ${stderr}`)
      })).pipe(Effect.provide(NodeServices.layer)), runs)
  }

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
