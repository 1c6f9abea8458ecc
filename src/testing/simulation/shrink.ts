/** Computes smaller variants of a failing program, for the search for the smallest one. */
import type { ActorPlan, ProgramPlan, TaskPlan } from "./program.ts"

const without = <A>(items: ReadonlyArray<A>, at: number): Array<A> => items.filter((_, i) => i !== at)

const replace = <A>(items: ReadonlyArray<A>, at: number, item: A): Array<A> => items.map((a, i) => i === at ? item : a)

/** Lists without one element or without half of the elements, as long as they are not empty. */
const shorter = <A>(items: ReadonlyArray<A>): Array<Array<A>> => {
  if (items.length <= 1) return []
  const half = items.length >> 1
  return [
    ...(items.length > 3 ? [items.slice(0, half), items.slice(half)] : []),
    ...items.map((_, at) => without(items, at))
  ]
}

const calmer = (task: TaskPlan): Array<TaskPlan> => [
  ...(task.children.length > 0 ? [{ ...task, children: [] }] : []),
  ...(task.yields > 0 ? [{ ...task, yields: 0 }] : []),
  ...(task.failures > 0 ? [{ ...task, failures: 0 }] : []),
  ...(task.cleanupYields + task.cleanupMillis > 0 ? [{ ...task, cleanupYields: 0, cleanupMillis: 0 }] : []),
  ...(task.millis > 0 ? [{ ...task, millis: 0 }] : []),
  ...(task.hangs ? [{ ...task, hangs: false }] : [])
]

const smallerTasks = (tasks: ReadonlyArray<TaskPlan>): Array<ReadonlyArray<TaskPlan>> => [
  ...shorter(tasks),
  ...tasks.flatMap((task, at) => calmer(task).map((task) => replace(tasks, at, task)))
]

const unset = <A extends object>(actor: A, keys: ReadonlyArray<keyof A>): Array<A> =>
  keys.filter((key) => actor[key] !== undefined).map((key) => ({ ...actor, [key]: undefined }))

const smallerActor = (actor: ActorPlan): Array<ActorPlan> => {
  switch (actor.kind) {
    case "run":
      return [...unset(actor, ["interruptAt"]), ...calmer(actor.task).map((task) => ({ ...actor, task }))]
    case "execution":
      return [
        ...smallerTasks(actor.tasks).map((tasks) => ({ ...actor, tasks })),
        ...unset(actor, ["retry", "taskTimeout", "idleTimeout", "interruptAt", "bufferSize"]),
        ...(actor.take !== undefined && actor.source !== "endless" ? [{ ...actor, take: undefined }] : []),
        ...(actor.ending === "done" ? [] : [{ ...actor, ending: "done" as const }]),
        ...(actor.pause > 0 ? [{ ...actor, pause: 0 }] : []),
        ...(actor.at > 0 ? [{ ...actor, at: 0 }] : []),
        ...(actor.ordered ? [{ ...actor, ordered: false }] : [])
      ]
    case "queue":
      return [
        ...shorter(actor.pushers).map((pushers) => ({ ...actor, pushers })),
        ...shorter(actor.poppers).map((poppers) => ({ ...actor, poppers })),
        ...actor.pushers.flatMap((pusher, at) =>
          smallerTasks(pusher.tasks).map((tasks) => ({
            ...actor,
            pushers: replace(actor.pushers, at, { ...pusher, tasks })
          }))
        ),
        ...actor.poppers.flatMap((popper, at) =>
          unset(popper, ["timeout", "interruptAt", "max"]).map((popper) => ({
            ...actor,
            poppers: replace(actor.poppers, at, popper)
          }))
        ),
        ...unset(actor, ["retry", "taskTimeout", "capacity"])
      ]
  }
}

/** The smaller variants of a program. */
export const smaller = (program: ProgramPlan): Array<ProgramPlan> => [
  ...shorter(program.actors).map((actors) => ({ ...program, actors })),
  ...unset(program, ["closeAt", "capacity"]),
  ...program.actors.flatMap((actor, at) =>
    smallerActor(actor).map((actor) => ({ ...program, actors: replace(program.actors, at, actor) }))
  )
]
