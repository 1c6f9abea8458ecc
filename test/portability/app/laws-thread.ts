import { handlers } from "papyros/testing/check"
import * as Thread from "papyros/Thread"

Thread.run(handlers)
