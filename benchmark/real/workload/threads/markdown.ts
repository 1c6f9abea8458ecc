/** The thread module of `handlers/markdown.ts`. */
import * as Thread from "papyros/Thread"
import handlers from "../handlers/markdown.ts"

Thread.run(handlers)
