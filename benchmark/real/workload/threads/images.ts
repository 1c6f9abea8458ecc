/** The thread module of `handlers/images.ts`. */
import * as Thread from "papyros/Thread"
import handlers from "../handlers/images.ts"

Thread.run(handlers)
