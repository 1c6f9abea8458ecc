import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import * as Runner from "effect/cluster/Runner"
import * as RunnerAddress from "effect/cluster/RunnerAddress"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as FileSystem from "effect/FileSystem"
import * as Logger from "effect/Logger"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { pathToFileURL } from "node:url"
import * as Dispatcher from "papyros/Dispatcher"
import * as RemoteDispatcher from "papyros/RemoteDispatcher"
import type * as RemoteWorker from "papyros/RemoteWorker"
import * as NameServerClient from "../../src/internal/remote/registry/client.ts"
import { localWorker } from "../support/remote/localWorker.ts"
import { freePort, nameServer, type Papyros, papyros, registered, worker } from "../support/remote/processes.ts"
import { until } from "../support/remote/sockets.ts"
import { localNameServer } from "../support/remote/testCluster.ts"
import { primeFactors } from "./fixtures/primeFactors.ts"
import { Tasks, Wait } from "./fixtures/tasks.ts"
import { type Ended, fixture, handlers, papyrosWith, parsed, spawned, start } from "./harness.ts"

const numbers = Array.from({ length: 500 }, (_, i) => 13 * i + 1)
const ndjson = numbers.map((n) => `{"n":${n}}\n`).join("")
const expected = numbers.map((n, index) => ({ index, success: primeFactors(n) }))

const factorize = (address: string, ...flags: ReadonlyArray<string>) => [
  "run",
  handlers,
  "Factorize",
  "--ordered",
  "--dispatcher",
  "remote",
  "--name-server",
  address,
  ...flags
]

const assertFactors = ({ code, stderr, stdout }: Ended) => {
  assert.strictEqual(code, 0, stderr)
  assert.deepStrictEqual(parsed(stdout), expected)
}

const statusOf = (address: string, ...flags: ReadonlyArray<string>) =>
  papyrosWith(["status", "--name-server", address, ...flags])

/** The rows that `papyros status` shows, by the names of its columns. */
const rowsOf = (stdout: string): ReadonlyArray<Record<string, string>> => {
  const [head, ...rows] = stdout.trimEnd().split("\n").map((line) => line.split(/ {2,}/))
  return rows.map((cells) => Object.fromEntries(cells.map((cell, column) => [head[column], cell])))
}

const secretFile = Effect.fnUntraced(function*(text: string, mode = 0o600) {
  const fs = yield* FileSystem.FileSystem
  const file = `${yield* fs.makeTempDirectoryScoped({ prefix: "papyros-secret-" })}/secret`
  yield* fs.writeFileString(file, text, { mode })
  yield* fs.chmod(file, mode)
  return file
})

const newSecret = Effect.map(papyrosWith(["secret"]), ({ stdout }) => stdout.trim())

const terminated = Effect.fnUntraced(function*(process: Papyros, signal: NodeJS.Signals = "SIGTERM") {
  process.kill(signal)
  return yield* process.ended
})

/** Ends a process by a signal. */
const endedBy = Effect.fnUntraced(function*(process: Papyros, signal: NodeJS.Signals) {
  assert.deepStrictEqual(yield* terminated(process, signal), { code: 0, signal: null })
  assert.notInclude(process.log, "Error")
})

/** Ends a worker by a signal. */
const drained = Effect.fnUntraced(function*(process: Papyros, signal: NodeJS.Signals) {
  yield* endedBy(process, signal)
  assert.match(process.log, /Worker \S+ is draining/)
  assert.match(process.log, /Worker \S+ is drained/)
})

/** A worker of one thread in this process, registered; returns its address. */
const quietWorker = Effect.fnUntraced(
  function*(nameServer: string, options: Omit<RemoteWorker.RemoteWorkerSettings, "secret"> = {}) {
    const quiet = new URL("?quiet", pathToFileURL(handlers))
    const worker = yield* localWorker(-1, Tasks, { handlers: quiet, nameServer, ...options })
    yield* worker.registered
    return yield* worker.wrote(/Worker (\S+) is registered/)
  }
)

/** Runs tasks on a client of its own. */
const execute = (tasks: ReadonlyArray<Wait>, nameServer: string, workerGroup = "default") =>
  Dispatcher.execute(tasks).pipe(
    Stream.provide(RemoteDispatcher.layer(Tasks, { nameServer, workerGroup })),
    Stream.provide(Logger.layer([]))
  )

/** The variables of the environment that Kubernetes makes of a Service that is named papyros. */
const KUBERNETES = {
  PAPYROS_PORT: "tcp://10.96.0.7:7427",
  PAPYROS_PORT_7427_TCP: "tcp://10.96.0.7:7427",
  PAPYROS_PORT_7427_TCP_PROTO: "tcp",
  PAPYROS_PORT_7427_TCP_PORT: "7427",
  PAPYROS_PORT_7427_TCP_ADDR: "10.96.0.7",
  PAPYROS_SERVICE_HOST: "10.96.0.7",
  PAPYROS_SERVICE_PORT: "7427"
}

/** Name servers for the tests that do not end theirs: one without a secret, and one with a secret. */
const sharedServers = () => {
  type Server = Effect.Success<ReturnType<typeof nameServer>>
  const servers = {} as { open: Server; closed: Server & { readonly secret: string } }
  const scope = Scope.makeUnsafe()
  beforeAll(() =>
    Effect.runPromise(Scope.provide(
      Effect.gen(function*() {
        const secret = yield* newSecret
        servers.open = yield* nameServer(0, KUBERNETES)
        servers.closed = { ...(yield* nameServer(0, { PAPYROS_SECRET: secret })), secret }
      }),
      scope
    ))
  )
  afterAll(() => Effect.runPromise(Scope.close(scope, Exit.void)))
  return servers
}

// oxlint-disable-next-line no-control-regex
const CONTROL = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/

describe("papyros, the commands for more than one process", { timeout: 120_000 }, () => {
  const servers = sharedServers()
  const serving = ["--health", "--log-format"]
  const secretFlags = ["--secret-file", "--secret-group-readable"]
  const remote = ["--group", "--name-server", ...secretFlags]
  /** The flags whose variables have other names. */
  const variables: Record<string, string> = {
    "--group": "PAPYROS_REMOTE_WORKER_GROUP",
    "--name-server": "PAPYROS_REMOTE_NAME_SERVER",
    "--max-task-bytes": "PAPYROS_REMOTE_MAX_TASK_BYTES",
    "--port": "PAPYROS_LISTEN_PORT"
  }
  const flags: Record<string, ReadonlyArray<string>> = {
    run: ["--dispatcher", ...remote, "--log-format"],
    nameserver: ["--host", "--port", ...secretFlags, "--dashboard", "--dashboard-host", ...serving],
    workers: [
      "--num",
      "--concurrency",
      ...remote,
      "--host",
      "--port",
      "--advertise",
      "--drain-timeout",
      "--max-task-bytes",
      "--dashboard",
      "--dashboard-host",
      ...serving
    ],
    status: [...remote, "--watch"],
    secret: []
  }

  describe("help", () => {
    for (const [command, names] of Object.entries(flags)) {
      it.effect(`of ${command} names every flag with its variable, has examples, and fits`, () =>
        Effect.gen(function*() {
          const { code, printed } = yield* papyrosWith([command, "--help"])
          assert.strictEqual(code, 0)
          const lines = printed.split("\n")
          const section = (from: string, to: string) => lines.slice(lines.indexOf(from) + 1, lines.indexOf(to))
          const own = lines.includes("FLAGS") ? section("FLAGS", "GLOBAL FLAGS").filter((line) => line !== "") : []
          for (const name of names) {
            const row = own.find((line) => line.trimStart().split(/[ ,]/)[0] === name)
            assert.isDefined(row, name)
            assert.include(row, `[${variables[name] ?? `PAPYROS_${name.slice(2).toUpperCase().replaceAll("-", "_")}`}]`)
          }
          assert.isAbove(lines.slice(lines.indexOf("EXAMPLES")).filter((line) => line.includes("papyros ")).length, 0)
          // The other flags of `run` say more.
          if (command === "run") return
          assert.strictEqual(own.length, names.length)
          assert.deepStrictEqual(own.filter((line) => line.length > 100), [])
          const rows = lines.reduce((sum, line) => sum + Math.max(1, Math.ceil(line.length / 80)), 0)
          assert.isBelow(rows, 60)
        }))
    }

    for (const shell of ["bash", "zsh", "fish"]) {
      it.effect(`completions for ${shell} know the commands and their flags`, () =>
        Effect.gen(function*() {
          const { code, printed } = yield* papyrosWith(["--completions", shell])
          assert.strictEqual(code, 0)
          for (const [command, names] of Object.entries(flags)) {
            assert.match(printed, new RegExp(`\\b${command}\\b`))
            for (const name of names) assert.include(printed, shell === "fish" ? `-l ${name.slice(2)}` : name)
          }
        }))
    }
  })

  describe("arguments", () => {
    const refused = Effect.fnUntraced(function*(args: ReadonlyArray<string>, ...whys: ReadonlyArray<string>) {
      const { code, stderr, stdout } = yield* papyrosWith(args)
      for (const why of whys) assert.include(stderr, why)
      assert.deepStrictEqual([code, stdout], [2, ""])
      return stderr
    })

    it.effect("that are unusable are refused by the name of their flag, and of its variable", () =>
      Effect.gen(function*() {
        const workers = ["workers", handlers]
        for (const group of ["a b", "a/b", "é", "x".repeat(65)]) {
          for (const command of [workers, ["status"], ["run", handlers, "Factorize"]]) {
            yield* refused(
              [...command, "--group", group],
              "--group",
              "PAPYROS_REMOTE_WORKER_GROUP",
              "1 to 64 letters, digits"
            )
          }
        }
        for (const port of ["65536", "-1", "http", "80.5"]) {
          yield* refused(["nameserver", `--port=${port}`], "--port", "a port from 0 to 65535")
          yield* refused([...workers, `--port=${port}`], "--port", "a port from 0 to 65535")
        }
        for (const address of ["localhost", "localhost:0", ":7427", "::1:7427", "a b:1", "host:70000"]) {
          for (const command of [workers, ["status"], ["run", handlers, "Factorize"]]) {
            yield* refused([...command, "--name-server", address], "--name-server", "host:port, as in 10.0.0.1:7427")
          }
        }
        yield* refused([...workers, "--num", "0"], "--num", "a whole number of at least 1")
        yield* refused([...workers, "-n", "many"], "--num", "a whole number of at least 1")
        yield* refused([...workers, "--concurrency", "0"], "--concurrency", "a whole number of at least 1")
        yield* refused([...workers, "--drain-timeout", "soon"], "--drain-timeout", "a duration")
        for (const address of ["0.0.0.0", "h:70000", "a b"]) {
          yield* refused([...workers, "--advertise", address], "--advertise", "host or host:port")
        }
        for (const flag of ["--host", "--advertise", "--secret-file"]) yield* refused([...workers, `${flag}=`], flag)
        yield* refused(["workers"], "Missing required argument: HANDLERS")
        yield* refused(["nameserver", "--prot", "1"], "--port")
        yield* refused(["nameservr"], "nameserver")
      }))

    it.effect("come from the environment where the command line leaves them out", () =>
      Effect.gen(function*() {
        for (
          const [variable, text] of Object.entries({
            PAPYROS_REMOTE_WORKER_GROUP: "a b",
            PAPYROS_REMOTE_NAME_SERVER: "nowhere",
            PAPYROS_LISTEN_PORT: "http",
            PAPYROS_NUM: "0",
            PAPYROS_CONCURRENCY: "0",
            PAPYROS_DRAIN_TIMEOUT: "soon",
            PAPYROS_SECRET_FILE: "/no/such/file"
          })
        ) {
          const { code, stderr } = yield* papyrosWith(["workers", handlers], { env: { [variable]: text } })
          assert.strictEqual(code, 2, variable)
          assert.include(stderr, variable === "PAPYROS_SECRET_FILE" ? text : variable)
        }
      }))

    it("of a Service in Kubernetes that is named papyros change nothing", () => assert.isAbove(servers.open.port, 0))

    it.effect("secrets that are no secrets are refused, with what to do, and are not repeated", () =>
      Effect.gen(function*() {
        const fs = yield* FileSystem.FileSystem
        const secret = yield* newSecret
        const make = "Make one with `papyros secret`."
        const folder = yield* fs.makeTempDirectoryScoped()
        for (const command of [["nameserver"], ["workers", handlers], ["status"]]) {
          const given = (file: string) => [...command, "--secret-file", file]
          const open = yield* secretFile(secret, 0o644)
          const said = yield* refused(
            given(open),
            "--secret-file",
            open,
            "run `chmod 600` on it, and make a new secret."
          )
          assert.notInclude(said, secret)
          yield* refused(given(yield* secretFile("c2hvcnQ")), "--secret-file", "at least 128 are needed", make)
          yield* refused(given(yield* secretFile("")), "--secret-file", make)
          const wrong = yield* refused(given(yield* secretFile("correct horse battery staple")), "--secret-file", make)
          assert.notInclude(wrong, "horse")
          yield* refused(
            given("/no/such/file"),
            "--secret-file /no/such/file: there is no such file.",
            "papyros secret"
          )
          yield* refused(given(folder), `--secret-file ${folder}: it cannot be read`)
          const group = yield* secretFile(secret, 0o640)
          yield* refused(given(group), "chmod 600", "add --secret-group-readable")
          yield* refused([...given(yield* secretFile(secret, 0o644)), "--secret-group-readable"], "chmod 600")
        }
      }).pipe(Effect.provide(NodeFileSystem.layer)))

    it.live("a secret of the environment that is none is not taken for no secret", () =>
      Effect.gen(function*() {
        const none = yield* spawned(["nameserver"], "", { PAPYROS_SECRET: "" })
        // The command takes it out of the environment of its process.
        process.env.PAPYROS_SECRET = "c2hvcnQ"
        const short = yield* papyrosWith(["nameserver"])
        assert.isUndefined(process.env.PAPYROS_SECRET)
        for (const { code, stderr } of [none, short]) {
          assert.include(stderr, "PAPYROS_SECRET: ")
          assert.include(stderr, "Make one with `papyros secret`.")
          assert.strictEqual(code, 2)
        }
      }))

    it.live("without a secret a host that others can reach is refused", () =>
      Effect.gen(function*() {
        for (const command of [["nameserver"], ["workers", handlers, "-n", "1", "--name-server", "127.0.0.1:1"]]) {
          yield* refused(
            [...command, "--host", "0.0.0.0"],
            "Without a secret, only processes of this machine",
            "--host"
          )
        }
        yield* refused(["nameserver", "--host", "no.such.host.invalid"], "no.such.host.invalid", "--host")
      }))

    it.live("a port that is in use is refused", () =>
      Effect.gen(function*() {
        const taken = servers.open
        for (const command of [["nameserver"], ["workers", handlers, "-n", "1", "--name-server", taken.address]]) {
          yield* refused(
            [...command, "--port", String(taken.port)],
            `${taken.address}: cannot listen: the address is in use (EADDRINUSE)`,
            "--port"
          )
        }
      }))

    it.effect("a handlers module that cannot be used is refused", () =>
      Effect.gen(function*() {
        yield* refused(["workers", "no/such.ts"], `there is no file ${process.cwd()}/no/such.ts.`)
        yield* refused(["workers", fixture("broken/failing.ts")], "its Layer could not be built.\nError: no connection")
        yield* refused(["workers", fixture("broken/noDefault.ts")], "it has no default export.")
      }))

    it.live("a name server that is not there, or does not let in, ends status with what to do", () =>
      Effect.gen(function*() {
        const address = `127.0.0.1:${yield* freePort}`
        yield* refused(["status", "--name-server", address], address, "papyros nameserver", "--name-server")
        const server = servers.closed
        const file = yield* secretFile(yield* newSecret)
        for (const flags of [[], ["--secret-file", file]]) {
          const args = ["status", "--name-server", server.address, ...flags]
          // Without TLS a stranger is not told why it is not let in.
          yield* refused(
            args,
            ...flags.length === 0 ? [server.address] : ["refused operator/*", "PAPYROS_SECRET"]
          )
        }
      }).pipe(Effect.provide(NodeFileSystem.layer)))
  })

  describe("secret", () => {
    it.effect("prints 256 bits, others each time", () =>
      Effect.gen(function*() {
        const secrets = new Set<string>()
        for (let i = 0; i < 20; i++) {
          const { code, stderr, stdout } = yield* papyrosWith(["secret"])
          assert.match(stdout, /^[A-Za-z0-9_-]{43}\n$/)
          assert.strictEqual(Buffer.from(stdout.trim(), "base64url").length, 32)
          assert.deepStrictEqual([code, stderr], [0, ""])
          secrets.add(stdout)
        }
        assert.strictEqual(secrets.size, 20)
      }))

    it.live("lets in those that have it, from a file or the environment, and nobody else", () =>
      Effect.gen(function*() {
        const server = servers.closed
        const { secret } = server
        const file = yield* secretFile(`${secret}\n`)
        const env = { PAPYROS_SECRET: secret }
        assert.notInclude(server.process.log, "without a secret")
        yield* registered(
          yield* worker(server.address, {
            handlers,
            args: ["--secret-file", yield* secretFile(`${secret} ${yield* newSecret}`)]
          })
        )
        assertFactors(yield* spawned(factorize(server.address), ndjson, env))
        assertFactors(yield* papyrosWith(factorize(server.address, "--secret-file", file), { stdin: ndjson }))
        assert.include((yield* statusOf(server.address, "--secret-file", file)).stdout, "default  127.0.0.1:")
        const group = yield* secretFile(`${yield* newSecret}\n${secret}\n`, 0o640)
        const both = yield* nameServer(0, {}, ["--secret-file", group, "--secret-group-readable"])
        assert.include((yield* statusOf(both.address, "--secret-file", file)).stdout, "No worker")
        const other = yield* secretFile(yield* newSecret)
        const stranger = yield* papyrosWith(factorize(server.address, "--secret-file", other), { stdin: ndjson })
        assert.deepStrictEqual([stranger.code, stranger.stdout], [2, ""])
        assert.include(stranger.stderr, "refused client/default")
        assert.notInclude(server.process.log + stranger.stderr, secret)
      }).pipe(Effect.provide(NodeFileSystem.layer)))
  })

  describe("name server, workers and run", () => {
    it.live("find each other by the advertised address, also where a worker listens on all addresses", () =>
      Effect.gen(function*() {
        const { address, secret } = servers.closed
        const env = { PAPYROS_SECRET: secret }
        const port = yield* freePort
        const args = ["--host", "0.0.0.0", "--port", String(port), "--advertise", `localhost:${port}`]
        const process = yield* worker(address, { handlers, args, env })
        assert.strictEqual(yield* process.wrote(/Worker (\S+) is registered/), `localhost:${port}`)
        const file = yield* secretFile(secret)
        assertFactors(yield* papyrosWith(factorize(address, "--secret-file", file), { stdin: ndjson }))
      }).pipe(Effect.provide(NodeFileSystem.layer)))

    it.live("find each other in whatever order they start", () =>
      Effect.gen(function*() {
        const port = yield* freePort
        const address = `127.0.0.1:${port}`
        const { child, ended, written } = start(factorize(address))
        child.stdin.end(ndjson)
        const workers = yield* worker(address, { handlers })
        yield* workers.wrote(/ECONNREFUSED.*trying again/)
        yield* until(() => /ECONNREFUSED.*trying again/.test(written.stderr))
        assert.strictEqual(written.stdout, "")
        const server = yield* nameServer(port)
        assertFactors(yield* ended)
        yield* registered(workers)
        yield* server.process.wrote(/Worker \S+ \(1 thread\) of group default registered/)
        yield* endedBy(server.process, "SIGTERM")
      }))

    it.live("writes an outcome for each task, failures and defects included", () =>
      Effect.gen(function*() {
        const { address } = servers.open
        yield* quietWorker(address, { workerGroup: "g" })
        const run = (task: string, stdin: string) =>
          papyrosWith(
            ["run", handlers, task, "--ordered", "--dispatcher", "remote", "--name-server", address, "--group", "g"],
            { stdin }
          )
        const failing = yield* run("Factorize", `{"n":12}\n{"n":-4}\n`)
        const [first, second] = parsed(failing.stdout)
        assert.deepStrictEqual(first, { index: 0, success: [2, 2, 3] })
        const failure = Reflect.get(Object(second), "failure")
        assert.strictEqual(failure.reason, "Failed")
        assert.deepStrictEqual(failure.error, { _tag: "NotPositive", n: -4, since: "1970-01-01T00:00:00.000Z" })
        assert.match(failure.worker, /^127\.0\.0\.1:\d+/)
        assert.strictEqual(failing.code, 1)
        const broken = yield* run("Break", ["throw", "lie"].map((how) => `{"how":"${how}"}\n`).join(""))
        const reasons = parsed(broken.stdout).map((line) => Reflect.get(Object(line), "failure").reason)
        assert.deepStrictEqual(reasons, ["Defect", "Undecodable"])
        assert.notMatch(broken.stdout, CONTROL)
        assert.strictEqual(broken.code, 1)
      }))

    it.live("end with 0 when they are told to, and say what they do", () =>
      Effect.gen(function*() {
        const server = yield* nameServer()
        yield* server.process.wrote(
          /Name server listening on \S+ without a secret: every user of this host is trusted/
        )
        const process = yield* worker(server.address, { handlers })
        yield* process.wrote(/Worker \S+ of group default is listening, with 1 slots/)
        yield* registered(process)
        // The tests beside this one end some by SIGTERM.
        yield* drained(process, "SIGINT")
        yield* endedBy(server.process, "SIGINT")
        // Also while it still waits for its name server.
        const waiting = yield* worker(`127.0.0.1:${yield* freePort}`, { handlers })
        yield* waiting.wrote(/trying again/)
        assert.deepStrictEqual(yield* terminated(waiting), { code: 0, signal: null })
      }))

    it.live("a worker that leaves finishes what runs, and one that is lost is named by all who knew it", () =>
      Effect.gen(function*() {
        const server = servers.open
        const { address } = server
        const group = ["--group", "leavers"]
        const run = ["run", handlers, "Wait", "--dispatcher", "remote", "--name-server", address, ...group]
        const running = (id: string) =>
          Effect.repeat(statusOf(address, ...group), {
            until: ({ stdout }) => rowsOf(stdout).some((row) => row.worker === id && row.running === "1")
          })
        const joining = worker(address, { handlers, args: group })
        const [first, second] = [yield* joining, yield* joining]
        const ids = yield* Effect.forEach([first, second], (process) => process.wrote(/Worker (\S+) is registered/))

        // Without end, on both of them.
        const { child, ended, written } = start(run)
        child.stdin.end("{}\n{}\n")
        yield* Effect.forEach(ids, running)
        first.kill("SIGKILL")
        yield* until(() => written.stderr.includes(`Worker ${ids[0]} is lost`))
        yield* server.process.wrote(new RegExp(`Worker ${ids[0]} .* lost`))
        child.kill("SIGINT")
        assert.strictEqual((yield* ended).code, 130)

        const leaving = start(run)
        leaving.child.stdin.end(`{"millis":2000}\n`)
        yield* running(ids[1])
        yield* drained(second, "SIGTERM")
        const { code, stderr, stdout } = yield* leaving.ended
        assert.deepStrictEqual([code, parsed(stdout)], [0, [{ index: 0, success: null }]], stderr)
        assert.include(stderr, `Worker ${ids[1]} has left`)
      }))

    it.live("what the drain bound cuts off is said, and the worker ends all the same", () =>
      Effect.gen(function*() {
        const { address } = servers.open
        const args = ["--group", "cut", "--drain-timeout", "100ms"]
        const process = yield* worker(address, { handlers, args })
        const id = yield* process.wrote(/Worker (\S+) is registered/)
        yield* Effect.forkScoped(Stream.runDrain(execute([new Wait({})], address, "cut")))
        yield* Effect.repeat(statusOf(address, "--group", "cut"), {
          until: ({ stdout }) => rowsOf(stdout).some((row) => row.worker === id && row.running === "1")
        })
        assert.deepStrictEqual(yield* terminated(process), { code: 0, signal: null })
        assert.include(process.log, `Worker ${id} stopped waiting for running tasks`)
      }))
  })

  describe("status", () => {
    it.live("says that there is no worker, or shows groups and workers and what they have done", () =>
      Effect.gen(function*() {
        const address = yield* localNameServer()
        assert.deepInclude(yield* statusOf(address), { code: 0, stdout: "No worker is registered.\n", stderr: "" })
        const [a, b] = yield* Effect.forEach(
          ["a", "b"],
          (workerGroup) => quietWorker(address, { workerGroup, concurrency: 3 })
        )
        assertFactors(yield* papyrosWith(factorize(address, "--group", "b"), { stdin: ndjson }))
        const all = yield* statusOf(address)
        assert.deepStrictEqual([all.code, all.stderr], [0, ""])
        const idle = { slots: "3", clients: "0", running: "0", waiting: "0", failed: "0", busy: "0 %", "tasks/s": "0" }
        const rows = rowsOf(all.stdout).toSorted((x, y) => x.group < y.group ? -1 : 1)
        assert.match(rows[1].p95, /^\d+(\.\d)? (µs|ms)$/)
        assert.deepStrictEqual(rows, [
          { group: "a", worker: a, done: "0", p95: "-", ...idle },
          { group: "b", worker: b, done: String(numbers.length), p95: rows[1].p95, ...idle }
        ])
        const one = yield* statusOf(address, "--group", "a")
        assert.deepStrictEqual(rowsOf(one.stdout).map(({ group }) => group), ["a"])
        const none = yield* statusOf(address, "--group", "c")
        assert.deepInclude(none, { code: 0, stdout: "No worker is registered in the group c.\n" })
      }))

    it.live("shows how busy a worker is, also with tasks that have not ended", () =>
      Effect.gen(function*() {
        const address = yield* localNameServer()
        yield* quietWorker(address, { size: 2 })
        const first = yield* Deferred.make<void>()
        const waits = [new Wait({ millis: 100 }), new Wait({})]
        yield* Effect.forkScoped(Stream.runForEach(execute(waits, address), () => Deferred.succeed(first, undefined)))
        yield* Deferred.await(first)
        const [{ busy, done, p95, running }] = rowsOf((yield* statusOf(address)).stdout)
        assert.deepStrictEqual({ busy, done, running }, { busy: "50 %", done: "1", running: "1" })
        assert.match(p95, /^\d+(\.\d)? (ms|s)$/)
      }))

    it.live("--watch goes on until it is interrupted, also while the name server is started again", () =>
      Effect.gen(function*() {
        const server = yield* nameServer()
        const { address, port } = server
        const watch = yield* papyros(["status", "--watch", "--name-server", address])
        const shows = (text: RegExp) => {
          watch.log = ""
          return watch.wrote(text)
        }
        yield* shows(/No worker is registered\.\n.*No worker/s)
        const id = yield* quietWorker(address)
        yield* shows(new RegExp(`default +${id} `))
        yield* terminated(server.process, "SIGKILL")
        yield* shows(/ECONNREFUSED/)
        yield* localNameServer(port)
        yield* shows(new RegExp(`default +${id} .* 0\n`))
        assert.isUndefined(watch.exit)
        assert.notMatch(watch.log, CONTROL)
        assert.deepStrictEqual(yield* terminated(watch, "SIGINT"), { code: 130, signal: null })
      }))

    it.live("ends quietly when the reader of what it shows goes away", () =>
      Effect.gen(function*() {
        const { address } = servers.open
        const { child, ended } = start(["status", "--watch", "--name-server", address])
        yield* Effect.promise(() => new Promise((resolve) => child.stdout.once("data", resolve)))
        child.stdout.destroy()
        const { code, stderr } = yield* ended
        assert.deepStrictEqual([code, stderr], [141, ""])
      }))

    it.live("control characters in what a peer says reach no terminal", () =>
      Effect.gen(function*() {
        const server = yield* nameServer()
        const group = "g\u001b]0;owned\u0007\u009b31m\u202e"
        const runner = Runner.make({
          address: RunnerAddress.make("h\u001b[2J\u0007\r\n\u009b", 1),
          groups: [group],
          weight: 1
        })
        const { client } = yield* NameServerClient.open({
          host: "127.0.0.1",
          port: server.port,
          secret: undefined,
          identity: { role: "worker", group: "g" }
        })
        const registering = yield* Effect.forkChild(
          Stream.runDrain(client.Register({ group, runner, incarnation: "one" }))
        )
        yield* server.process.wrote(/registered/)
        const { code, stderr, stdout } = yield* statusOf(server.address)
        assert.match(stdout, /does not answer/)
        assert.strictEqual(stdout.trimEnd().split("\n").length, 2)
        yield* Fiber.interrupt(registering)
        yield* server.process.wrote(/has left/)
        for (const text of [stdout, stderr, server.process.log]) assert.notMatch(text, CONTROL)
        assert.strictEqual(code, 0)
      }))
  })
})
