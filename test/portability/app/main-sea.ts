import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { program } from "./program.ts"
import { pool } from "./sea.ts"

NodeRuntime.runMain(program(pool))
