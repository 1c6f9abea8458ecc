import { Effect, Stream, Schedule, Schema, pipe, Layer, type Types } from "effect"
import * as Task from "papyros/Task"
import * as TaskGroup from "papyros/TaskGroup"
import * as TF from "papyros/TaskFailure"
import * as Dispatcher from "papyros/Dispatcher"
import { Root, Read, Double, Tick } from "./fixtures/tasks.ts"
const s = Stream.make(new Root({ n: 1 }))
const p = <A>(_: A): { __: A } => null as never
const show: boolean = p(Effect.gen(function*() { return yield* new Root({ n: 1 }) }))
const show1: boolean = p(Dispatcher.run(new Root({n:1})))
const show2: boolean = p(s.pipe(Dispatcher.execute))
const show3: boolean = p(s.pipe(Dispatcher.execute({ ordered: true })))
const show4: boolean = p(Dispatcher.execute(s, { ordered: true }))
const show5: boolean = p(Dispatcher.execute([new Root({n:1}), new Read({path: ""}), new Double({n: 1}), new Tick()]))
const show6: boolean = p(Dispatcher.results([new Root({n:1}), new Read({path: ""}), new Double({n: 1}), new Tick()]))
const show7: boolean = p(Dispatcher.execute(new Root({n:1})))
const show8: boolean = p(pipe([new Root({n:1})], Dispatcher.execute({ retry: { while: (f) => { const x: boolean = f; return true } } })))
const show9: boolean = p(Dispatcher.execute([new Root({n:1}), new Double({n: 1})], { retry: { while: (f) => { const x: boolean = f; return f.reason._tag === "Failed" && f.reason.error.n > 0 } } }))
const show10: boolean = p(Dispatcher.execute)
const show11: boolean = p(Dispatcher.makeQueue<Root>())
const show12: boolean = p(Dispatcher.makeQueue<Root>({ retry: { while: (f) => { const x: boolean = f; return true } } }))
const rootSchedule = Schedule.recurs(3).pipe(Schedule.setInputType<TF.TaskFailure<Root>>(), Schedule.while(({ input }) => input.reason._tag === "Failed" && input.reason.error.n > 0))
const show13: boolean = p(s.pipe(Dispatcher.execute({ retry: rootSchedule })))
const show14: boolean = p(Dispatcher.execute([new Double({n:1})], { retry: rootSchedule }))
const show15: boolean = p(Stream.make(new Double({n:1})).pipe(Dispatcher.execute({ retry: rootSchedule })))
const show16: boolean = p(s.pipe(Dispatcher.execute({ retry: { while: (f: TF.TaskFailure<Root>) => f.task.n > 1 } })))
class NoSelf extends Task.Class()("X", { payload: { n: Schema.Int } }) {}
class K1 extends Task.Class<K1>()("K1", { payload: { pipe: Schema.Int } }) {}
class K2 extends Task.Class<K2>()("K2", { payload: { n: Schema.Int, _tag: Schema.tag("x") } }) {}
class Ext extends Double.extend<Ext>("Ext")({ m: Schema.Int }) {}
const dup = TaskGroup.make(Double, Double)
const G = TaskGroup.make(Root, Read, Double, Tick)
const show20: boolean = p(G)
const show21: boolean = p(G.toLayer({ Root: ({ n }) => Effect.succeed("x"), Read: () => Effect.succeed(new Uint8Array()), Double: ({ n }) => Effect.succeed(n) }))
const show22: boolean = p(TaskGroup.make(Double).toLayer({ Double: ({ n }) => Effect.succeed(n), Typo: () => Effect.succeed(1) }))
const show23: boolean = p(TaskGroup.make(Double).toLayer({ Double: ({ n }) => Effect.succeed("s") }))
const show24: boolean = p(TaskGroup.make(Double).toLayer({ Double: ({ n }) => Effect.fail("s") }))
const show25: boolean = p(TaskGroup.make(Double).toLayer({ Double: ({ n }: { n: string }) => Effect.succeed(1) }))
