import { laws } from "papyros/testing"
import { scriptedSubject } from "./scriptedSubject.ts"

laws("ScriptedExecutor that loses lanes", scriptedSubject({ window: 6 }), [10])

laws("ScriptedExecutor that loses none", {
  ...scriptedSubject({ window: 2, faults: { loss: 0 } }),
  losesWorkers: false
})
