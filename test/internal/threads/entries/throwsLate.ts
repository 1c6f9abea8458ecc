import * as Thread from "papyros/Thread"
import handlers from "../../../support/pool/handlers.ts"

Thread.run(handlers)
throw new Error("no license")
