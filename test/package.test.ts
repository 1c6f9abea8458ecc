/**
 * Worker threads from the published form of the package: built, packed, and installed in a project that has nothing of
 * this repository except for links to the peer dependencies.
 */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, layer } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import * as Path from "effect/Path"
import * as ChildProcess from "effect/process/ChildProcess"
import * as ChildProcessSpawner from "effect/process/ChildProcessSpawner"
import * as Stream from "effect/Stream"
import { execFile } from "node:child_process"
import { basename, dirname } from "node:path"
import { fileURLToPath, pathToFileURL } from "node:url"
import { promisify } from "node:util"
import { build } from "rolldown"
import { programs } from "../scripts/docs.ts"
import { parsed } from "./cli/harness.ts"

const repository = process.cwd()
const fixtures = fileURLToPath(new URL("./package", import.meta.url))
const tsc = `${repository}/node_modules/typescript/bin/tsc`

/**
 * Runs a command that must end with an exit code. Its child processes named `node` run the Node of the tests, and load the package
 * and its peers as they are.
 */
const run = Effect.fnUntraced(function*(
  cwd: string,
  command: string,
  args: ReadonlyArray<string>,
  stdin = "",
  code = 0
) {
  const spawner = yield* ChildProcessSpawner.ChildProcessSpawner
  const child = yield* spawner.spawn(ChildProcess.make(command, args, {
    cwd,
    stdin: Stream.make(new TextEncoder().encode(stdin)),
    env: { PATH: `${dirname(process.execPath)}:${process.env.PATH}`, NODE_OPTIONS: "" },
    extendEnv: true
  }))
  const text = <E>(stream: Stream.Stream<Uint8Array, E>) => Stream.mkString(Stream.decodeText(stream))
  const [stdout, stderr, exitCode] = yield* Effect.all(
    [text(child.stdout), text(child.stderr), child.exitCode],
    { concurrency: "unbounded" }
  )
  assert.strictEqual(Number(exitCode), code, `${command} ${args.join(" ")}\n${stdout}${stderr}`)
  return stdout
}, Effect.scoped)

const node = (cwd: string, ...args: ReadonlyArray<string>) => run(cwd, process.execPath, args)

/** A user's project with the tarball installed. */
class Project extends Context.Service<Project, { readonly root: string }>()("papyros/test/pool/Project") {
  static readonly layer = Layer.effect(
    Project,
    Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const path = yield* Path.Path
      const temp = yield* fs.realPath(yield* fs.makeTempDirectoryScoped({ prefix: "papyros-package-" }))
      const [source, root] = [path.join(temp, "source"), path.join(temp, "project")]
      yield* fs.makeDirectory(source)
      yield* fs.makeDirectory(root)

      // The build uses a copy, because other tests may build or read the build at the same time.
      const copied = [
        "src",
        "package.json",
        "tsconfig.json",
        "tsconfig.build.json",
        "README.md",
        "CHANGELOG.md",
        "LICENSE"
      ]
      for (const name of copied) yield* fs.copy(path.join(repository, name), path.join(source, name))
      const installed = path.join(repository, "node_modules")
      yield* fs.symlink(installed, path.join(source, "node_modules"))
      // `npm run check` has checked the types, and threads of the compiler cost more than they save.
      yield* node(source, tsc, "-p", "tsconfig.build.json", "--noCheck", "--singleThreaded")
      yield* run(source, "npm", ["pack", "--ignore-scripts", "--pack-destination", temp])
      const tarball = (yield* fs.readDirectory(temp)).filter((name) => name.endsWith(".tgz"))
      assert.strictEqual(tarball.length, 1)

      yield* fs.copy(fixtures, path.join(root, "src"))
      yield* fs.writeFileString(path.join(root, "package.json"), JSON.stringify({ type: "module" }))
      yield* fs.writeFileString(path.join(root, "tsconfig.json"), JSON.stringify(tsconfig))
      // Its peers are linked below: without a network npm has none to offer.
      const quiet = ["--offline", "--legacy-peer-deps", "--ignore-scripts", "--no-audit", "--no-fund"]
      yield* run(root, "npm", ["install", "--prefix", root, ...quiet, path.join(temp, tarball[0])])
      for (const name of ["effect", "@effect", "@types"]) {
        yield* fs.symlink(path.join(installed, name), path.join(root, "node_modules", name))
      }
      return { root }
    })
  )
}

/** The files of the example in the README, by their names. */
const example = new Map(
  programs().filter(({ path }) => path.startsWith("README.md/")).map((program) => [basename(program.path), program])
)

/** The compiler options that the documentation recommends for Node's own TypeScript. */
const tsconfig = {
  compilerOptions: {
    target: "es2024",
    lib: ["es2024"],
    module: "nodenext",
    types: ["node"],
    strict: true,
    exactOptionalPropertyTypes: true,
    erasableSyntaxOnly: true,
    rewriteRelativeImportExtensions: true,
    verbatimModuleSyntax: true,
    skipLibCheck: true,
    rootDir: "src",
    outDir: "out"
  },
  include: ["src"]
}

/** The output of the program when its handlers are in the given file. */
const expected = (root: string, handlers: string) => ({
  library: pathToFileURL(`${root}/node_modules/papyros/dist/layers/WorkerPoolDispatcher.js`).href,
  outcomes: [
    { negative: -1 },
    ...Array.from({ length: 501 }, (_, n) => ({
      root: Math.sqrt(n),
      module: pathToFileURL(`${root}/${handlers}`).href,
      inThread: true
    }))
  ]
})

layer(Layer.provideMerge(Project.layer, NodeServices.layer), { excludeTestServices: true, timeout: 120_000 })(
  "WorkerPoolDispatcher of the packed package",
  (it) => {
    it.effect("runs a program in TypeScript as it is", () =>
      Effect.gen(function*() {
        const { root } = yield* Project
        assert.deepStrictEqual(JSON.parse(yield* node(root, "src/main.ts")), expected(root, "src/handlers.ts"))
      }), 60_000)

    it.effect(
      "runs the same program when its own compiler has made .js of it, .ts in the URL of its handlers",
      () =>
        Effect.gen(function*() {
          const { root } = yield* Project
          yield* node(root, tsc, "-p", ".", "--singleThreaded")
          assert.deepStrictEqual(JSON.parse(yield* node(root, "out/main.js")), expected(root, "out/handlers.js"))
        }),
      60_000
    )

    it.effect("runs the same program as a bundle, with the entry of its threads in it", () =>
      Effect.gen(function*() {
        const { root } = yield* Project
        const { output } = yield* Effect.promise(() =>
          build({
            input: { main: `${root}/src/main.ts`, thread: `${root}/src/thread.ts` },
            platform: "node",
            output: { dir: `${root}/bundle`, minify: true }
          })
        )
        for (const file of output) {
          if (file.type !== "chunk") continue
          const foreign = file.imports.filter((id) => !id.startsWith("node:") && !id.endsWith(".js"))
          assert.deepStrictEqual(foreign, [], `imports of ${file.fileName}`)
        }
        assert.deepStrictEqual(
          JSON.parse(yield* node(root, "bundle/main.js", "bundle")),
          expected(root, "bundle/thread.js")
        )
        const unbundled = yield* Effect.promise(() =>
          promisify(execFile)(process.execPath, ["bundle/main.js"], { cwd: root }).catch((error) => error)
        )
        assert.match(
          unbundled.stdout + unbundled.stderr,
          /HandlersError[^]*module that calls Thread\.run of papyros\/Thread/
        )
      }), 60_000)

    it.effect(
      "runs the example of the README, and the command on its handlers: failures, and their replay",
      () =>
        Effect.gen(function*() {
          const { root } = yield* Project
          const fs = yield* FileSystem.FileSystem
          for (const name of ["tasks.ts", "handlers.ts", "main.ts"]) {
            yield* fs.writeFileString(`${root}/${name}`, example.get(name)!.code)
          }
          const printed = (yield* node(root, "main.ts")).trimEnd().split("\n")
          assert.deepStrictEqual(printed, example.get("main.ts")!.prints.map(({ text }) => text))
          const papyros = (args: ReadonlyArray<string>, stdin: string, code: number) =>
            Effect.map(run(root, "node_modules/.bin/papyros", args, stdin, code), parsed)
          const payloads = "{\"n\":12}\n{\"n\":-7}\n"
          const failed = ["handlers.ts", "Factorize", "--failures", "failed.ndjson", "--ordered"]
          const [success, failure] = yield* papyros(["run", ...failed], payloads, 1)
          assert.deepStrictEqual(success, { index: 0, success: [2, 2, 3] })
          assert.deepNestedInclude(failure, { index: 1, "failure.error": { _tag: "NotPositive", n: -7 } })
          const [again] = yield* papyros(["replay", "handlers.ts", "failed.ndjson", "--only", "1"], "", 1)
          assert.deepNestedInclude(again, { index: 1, "failure.error": { _tag: "NotPositive", n: -7 } })
        }),
      60_000
    )

    it.effect("runs the command, on handlers in TypeScript", () =>
      Effect.gen(function*() {
        const { root } = yield* Project
        const payloads = Array.from({ length: 501 }, (_, n) => `${JSON.stringify({ n })}\n`).join("")
        const stdout = yield* run(
          root,
          "node_modules/.bin/papyros",
          ["run", "src/handlers.ts", "Root", "--dispatcher", "pool", "--ordered"],
          payloads
        )
        const [, ...successes] = expected(root, "src/handlers.ts").outcomes
        assert.deepStrictEqual(parsed(stdout), successes.map((success, index) => ({ index, success })))
      }), 60_000)
  }
)
