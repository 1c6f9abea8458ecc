import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as RemoteDispatcher from "papyros/RemoteDispatcher"
import { program } from "./program.ts"
import { Tasks } from "./tasks.ts"

NodeRuntime.runMain(program(RemoteDispatcher.layerConfig(Tasks)))
