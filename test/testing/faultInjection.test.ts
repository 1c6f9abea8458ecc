import { laws } from "papyros/testing"
import { scriptedSubject } from "./mutants/scriptedSubject.ts"

laws("ScriptedExecutor that loses lanes", scriptedSubject({ window: 6 }), [10])

laws("ScriptedExecutor that loses none", {
  ...scriptedSubject({ window: 2, faults: { loss: 0 } }),
  losesWorkers: false
}, [1, 2, 3, 4, 5, 7, 8, 9])

// To the scheduler, what a lane with a free slot takes has started; a lane that gives that back exceeds the capacity.
laws("ScriptedExecutor that starts what it takes", {
  ...scriptedSubject({ window: 2, faults: { loss: 0, giveBack: 0 } }),
  losesWorkers: false
}, [6])
