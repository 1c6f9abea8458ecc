/**
 * The rooms of `src` and the rooms that each may import, for the lint rule `papyros/rooms`.
 *
 * A room is a folder, or one module at the root of `src`. It may import itself and the rooms of
 * its list, values and types alike. A file that belongs to no room is an error, so that a new
 * folder needs a line here.
 */

const ground = "internal"
const encoding = "internal/encoding"
const wire = "internal/encoding/wire"
const scheduler = "internal/scheduler"
const platform = "internal/platform"
const threadProtocol = "internal/threads/protocol"
const remote = "internal/remote"

/** The public modules that programs, handlers and executors use. */
const api = ["Task.ts", "TaskGroup.ts", "TaskFailure.ts", "Dispatcher.ts", "Queue.ts", "Executor.ts"]

export const rooms: Readonly<Record<string, ReadonlyArray<string>>> = {
  // Files directly in `internal`: they know nothing of the rest.
  [ground]: [],
  [platform]: [],
  [encoding]: [ground],
  // Values as bytes, for processes that do not share memory.
  [wire]: [ground, encoding],
  "TaskFailure.ts": [ground],
  [scheduler]: [ground, encoding, "TaskFailure.ts"],
  "internal/producers": [ground, encoding, "TaskFailure.ts", scheduler],
  "Queue.ts": [ground, "TaskFailure.ts", scheduler, "internal/producers"],
  "Dispatcher.ts": [ground, "TaskFailure.ts", scheduler, "internal/producers", "Queue.ts"],
  "Task.ts": [ground, "TaskFailure.ts", "Dispatcher.ts"],
  "TaskGroup.ts": ["TaskFailure.ts", "Dispatcher.ts", "Task.ts"],
  "internal/metrics": [scheduler],
  "Executor.ts": [scheduler, "internal/metrics", "Dispatcher.ts", "TaskGroup.ts"],

  // Recordings: fed by the scheduler per chunk, and read through the dispatcher.
  "internal/recorder": [ground, "TaskFailure.ts", scheduler],
  "Recording.ts": ["internal/recorder", "Dispatcher.ts"],

  // Durable runs: a journal between a producer and the scheduler.
  "internal/durable": [ground, encoding, "TaskFailure.ts", scheduler, "internal/producers"],
  "SqliteClient.ts": [ground, "internal/durable"],
  "Durable.ts": [
    ground,
    scheduler,
    "internal/producers",
    "internal/durable",
    "TaskFailure.ts",
    "Task.ts",
    "TaskGroup.ts",
    "Dispatcher.ts"
  ],

  // Progress of any stream: it knows nothing of tasks.
  "internal/progress": [ground],
  "Progress.ts": [platform, "internal/progress"],

  // Failures of any stream of outcomes, in a file.
  "internal/failures": [ground, encoding, "TaskFailure.ts"],
  "Failures.ts": ["internal/failures", "Task.ts", "Dispatcher.ts"],

  // Viewers of a recording.
  "internal/dashboard": [ground, "internal/recorder"],
  "Dashboard.ts": ["internal/dashboard", "internal/recorder", "Recording.ts", "Dispatcher.ts"],
  "Report.ts": ["internal/dashboard", "internal/recorder", "Recording.ts", "Dispatcher.ts"],

  // On an optional peer.
  "DurablePostgres.ts": ["internal/durable", "Durable.ts"],

  // Beside the work.
  "internal/handlers": [ground, encoding, scheduler, ...api],
  "internal/local": [ground, platform, encoding, scheduler, "internal/handlers", ...api],

  // Worker threads: the main thread and a thread share the protocol, and never import each other.
  [threadProtocol]: [ground, platform, encoding, "Executor.ts"],
  "internal/threads/main": [ground, platform, encoding, threadProtocol, "Executor.ts", "TaskGroup.ts"],
  "internal/threads/thread": [
    ground,
    platform,
    encoding,
    wire,
    threadProtocol,
    "internal/handlers",
    "internal/local",
    "Executor.ts",
    "TaskGroup.ts"
  ],

  "Thread.ts": [platform, "internal/threads/thread"],

  // Remote: client and worker share all below them, and never import each other.
  "internal/remote/auth": [],
  "internal/remote/transport": [ground, "internal/remote/auth"],
  "internal/remote/protocol": [ground, encoding, wire],
  [remote]: [ground, "internal/remote/auth", "internal/remote/transport"],
  "internal/remote/registry": [
    ground,
    "internal/remote/auth",
    "internal/remote/transport",
    "internal/remote/protocol",
    remote
  ],
  "internal/remote/client": [
    ground,
    encoding,
    wire,
    "internal/remote/auth",
    "internal/remote/transport",
    "internal/remote/protocol",
    remote,
    "Executor.ts"
  ],
  // An operator watches workers, and runs nothing.
  "internal/remote/operator": [
    ground,
    "internal/recorder",
    "internal/remote/auth",
    "internal/remote/protocol",
    "internal/remote/client"
  ],
  // A worker process runs the tasks of its clients on threads, under a scheduler of its own.
  "internal/remote/worker": [
    ground,
    encoding,
    wire,
    scheduler,
    "internal/recorder",
    "internal/metrics",
    "internal/recorder",
    "internal/threads/main",
    "internal/remote/auth",
    "internal/remote/transport",
    "internal/remote/protocol",
    "internal/remote/registry",
    remote,
    "Executor.ts",
    "TaskGroup.ts",
    "TaskFailure.ts"
  ],

  // Cluster: the sessions of Remote over calls of an entity. Client and runner never import each other.
  "internal/cluster": ["internal/remote/protocol"],
  "internal/cluster/client": [
    ground,
    "internal/remote/transport",
    "internal/remote/protocol",
    "internal/remote/client",
    "internal/cluster",
    "Executor.ts"
  ],
  "internal/cluster/runner": [
    ground,
    scheduler,
    "internal/threads/main",
    "internal/remote/protocol",
    "internal/remote/worker",
    "internal/cluster"
  ],

  // Wiring.
  layers: [
    ground,
    "internal/producers",
    "internal/local",
    "internal/threads/main",
    "internal/remote/auth",
    "internal/remote/transport",
    "internal/remote/protocol",
    "internal/remote/registry",
    "internal/remote/client",
    remote,
    "internal/cluster/client",
    "internal/cluster/runner",
    ...api
  ],
  "RemoteWorker.ts": [
    ground,
    "internal/threads/main",
    "internal/remote/auth",
    "internal/remote/transport",
    "internal/remote/registry",
    "internal/remote/worker",
    remote,
    "Task.ts",
    "TaskGroup.ts"
  ],

  // The laws use a dispatcher only through its public modules.
  testing: [...api, "layers", "Durable.ts"],
  cli: [
    ground,
    "internal/remote/auth",
    "internal/remote/transport",
    "internal/remote/protocol",
    "internal/remote/registry",
    "internal/remote/client",
    "internal/remote/operator",
    remote,
    "layers",
    "internal/recorder",
    "internal/dashboard",
    "RemoteWorker.ts",
    "internal/durable",
    "Durable.ts",
    "DurablePostgres.ts",
    "Progress.ts",
    "internal/failures",
    "Failures.ts",
    "Recording.ts",
    "Report.ts",
    ...api
  ],
  "bin.ts": ["cli"],
  // The barrel holds the light modules: not Remote, RemoteWorker and testing.
  "index.ts": ["layers", "Failures.ts", "Progress.ts", "Recording.ts", ...api]
}

/** The room of a file, given by its path below `src`: the innermost folder that is a room. */
export const roomOf = (path: string): string | undefined => {
  if (rooms[path] !== undefined) return path
  for (let folder = path; folder.includes("/");) {
    folder = folder.slice(0, folder.lastIndexOf("/"))
    if (rooms[folder] !== undefined) return folder
  }
  return undefined
}
