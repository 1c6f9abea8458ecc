import * as Thread from "papyros/Thread"
import handlers from "../../../support/pool/handlers.ts"

Thread.run(handlers)
Thread.run(handlers)
