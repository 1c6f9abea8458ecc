import * as Thread from "papyros/Thread"
import handlers from "../broken/missing.ts"

Thread.run(handlers)
