/** A client process: it runs one task and prints the result. Argument: the address of the name server. */
import * as Effect from "effect/Effect"
import * as Dispatcher from "papyros/Dispatcher"
import * as RemoteDispatcher from "papyros/RemoteDispatcher"
import { group, Inc } from "../workload/tasks.ts"

Dispatcher.run(new Inc({ n: 1 })).pipe(
  Effect.flatMap((result) => Effect.sync(() => process.stdout.write(`${result}\n`))),
  Effect.provide(RemoteDispatcher.layer(group, { nameServer: process.argv[2] })),
  Effect.runFork
)
