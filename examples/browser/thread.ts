/** The entry of the Web Workers. */
import * as Thread from "papyros/Thread"
import handlers from "./handlers.ts"

Thread.run(handlers)
