/** The thread module of `handlers/json.ts`. */
import * as Thread from "papyros/Thread"
import handlers from "../handlers/json.ts"

Thread.run(handlers)
