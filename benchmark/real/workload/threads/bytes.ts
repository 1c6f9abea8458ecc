/** The thread module of `handlers/bytes.ts`. */
import * as Thread from "papyros/Thread"
import handlers from "../handlers/bytes.ts"

Thread.run(handlers)
