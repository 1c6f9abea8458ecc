/** The thread module of `handlers/tables.ts`. */
import * as Thread from "papyros/Thread"
import handlers from "../handlers/tables.ts"

Thread.run(handlers)
