import { laws } from "papyros/testing"
import { effort } from "../support/effort.ts"
import { scriptedSubject } from "./mutants/scriptedSubject.ts"

// The simulation checks whole programs on this executor, and FiberDispatcher is checked with all inputs.
const some = { effort: effort(0.4) }

laws("ScriptedExecutor that loses workers", scriptedSubject({ window: 6 }), [10])

laws("ScriptedExecutor that loses no worker", {
  ...some,
  ...scriptedSubject({ window: 2, faults: { loss: 0 } }),
  losesWorkers: false
}, [1, 2, 3, 4, 5, 7, 8, 9])

// The scheduler counts the tasks that a worker with a free slot takes as started, so a worker that requeues them
// exceeds the capacity.
laws("ScriptedExecutor that starts all tasks that it takes", {
  ...scriptedSubject({ window: 2, faults: { loss: 0, giveBack: 0 } }),
  losesWorkers: false
}, [6])
