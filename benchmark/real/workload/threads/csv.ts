/** The thread module of `handlers/csv.ts`. */
import * as Thread from "papyros/Thread"
import handlers from "../handlers/csv.ts"

Thread.run(handlers)
