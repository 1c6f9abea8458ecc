/** The thread module of the faults suite. */
import * as Thread from "papyros/Thread"
import handlers from "./handlers.ts"

Thread.run(handlers)
