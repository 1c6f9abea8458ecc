/** The thread module of `handlers/typescript.ts`. */
import * as Thread from "papyros/Thread"
import handlers from "../handlers/typescript.ts"

Thread.run(handlers)
