import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { pool } from "./function.ts"
import { program } from "./program.ts"

NodeRuntime.runMain(program(pool))
