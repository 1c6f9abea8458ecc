/**
 * The client that is fuzzed, a process of its own: a dispatcher whose workers come and go, one of which is honest, and
 * watchers of name servers. It prints each second its memory and what it has got.
 *
 * Arguments: the port of the honest worker, those of hostile workers, and those of hostile name servers.
 */
import * as Runner from "effect/cluster/Runner"
import * as RunnerAddress from "effect/cluster/RunnerAddress"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import * as Dispatcher from "papyros/Dispatcher"
import * as Executor from "papyros/Executor"
import { memberOf } from "../../src/internal/remote/client/connection.ts"
import * as RemoteExecutor from "../../src/internal/remote/client/executor.ts"
import { TaskCatalog } from "../../src/internal/remote/protocol/catalog.ts"
import { nameServer } from "../../src/internal/remote/registry/registry.ts"
import { Dice } from "../../src/testing/random.ts"
import { Answer, AnswerOnce, ClientTasks, Echo } from "./tasks.ts"

const MAX_TASK_BYTES = 1024 * 1024

const [honest, hostile, nameServers] = process.argv.slice(2).map((ports) => ports.split(",").map(Number))

const counts = { served: 0, answered: 0, lists: 0 }
const violations: Array<string> = []

const member = (port: number) =>
  memberOf(
    Runner.make({ address: RunnerAddress.make("127.0.0.1", port), groups: ["default"], weight: 1 }),
    { group: "default", secret: undefined },
    MAX_TASK_BYTES
  )

const random = new Dice(1)

/** A third of the hostile workers at a time: one that is listed again is connected to at once. */
const members = Stream.concat(
  Stream.succeed(honest),
  Stream.fromEffectRepeat(
    Effect.as(Effect.sleep(60), honest).pipe(
      Effect.map((always) => [...always, ...hostile.filter(() => random.chance(0.33))])
    )
  )
).pipe(Stream.map((ports) => Result.succeed(ports.map(member))))

const dispatcher = Executor.layer(
  ClientTasks,
  RemoteExecutor.make({
    catalog: new TaskCatalog(ClientTasks.tasks),
    maxTaskBytes: MAX_TASK_BYTES,
    noWorkerTimeout: 30_000,
    members
  })
)

/** Tasks that only the honest worker runs. */
const echo = Effect.forever(
  Effect.suspend(() => {
    const n = counts.served + 1
    return Dispatcher.run(new Echo({ n, text: `text ${n}` })).pipe(
      Effect.timeout("30 seconds"),
      Effect.map((result) => {
        counts.served++
        if (result.n !== n || result.text !== `text ${n}`) violations.push(`${n} was answered with ${result.text}`)
      }),
      Effect.catchCause((cause) => Effect.sync(() => violations.push(`a task of the honest worker: ${cause}`))),
      Effect.andThen(Effect.sleep(2))
    )
  })
)

const endless = function*(): Iterable<Answer | AnswerOnce> {
  for (let id = 0;; id++) yield id % 5 === 0 ? new AnswerOnce({ id }) : new Answer({ id })
}

/** Tasks that only hostile workers run. Each has an outcome, of whatever kind. */
const answers = Stream.runForEach(
  Dispatcher.results(endless(), { bufferSize: 256 }),
  () => Effect.sync(() => counts.answered++)
)

const watch = (port: number) =>
  Effect.flatMap(
    nameServer({ host: "127.0.0.1", port, secret: undefined, group: "default", role: "client" }),
    ({ members }) => Stream.runForEach(members, () => Effect.sync(() => counts.lists++))
  )

const report = Effect.sync(() => {
  globalThis.gc?.()
  const { rss } = process.memoryUsage()
  process.stdout.write(`${JSON.stringify({ rss, ...counts, violations })}\n`)
})

const ended = (what: string) => (exit: unknown) =>
  Effect.sync(() => void violations.push(`${what} has ended: ${String(exit)}`))

await Effect.runPromise(
  Effect.all([
    Effect.onExit(echo, ended("the loop of tasks")),
    Effect.onExit(answers, ended("the execution")),
    ...nameServers.map((port) => Effect.onExit(watch(port), ended("the watch of a name server"))),
    Effect.forever(Effect.andThen(report, Effect.sleep(1000)))
  ], { concurrency: "unbounded", discard: true }).pipe(
    Effect.provide(dispatcher.pipe(Layer.provideMerge(Logger.layer([]))))
  )
)
