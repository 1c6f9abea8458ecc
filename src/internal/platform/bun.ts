/**
 * Worker threads of Bun: those of Node, but a rejected promise has not the mark of the task that made it, and the heap of
 * a thread has no limit.
 */
import * as Node from "./node.ts"
import type { Platform, ThreadPlatform } from "./platform.ts"

export const platform: Platform = { ...Node.platform, start: Node.startWith(Node.startByUrl) }

export const thread: ThreadPlatform = { ...Node.thread, attributesFaults: false }
