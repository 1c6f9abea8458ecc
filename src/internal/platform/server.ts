/**
 * The runtime of this process. It is found when the code runs, not when it is bundled: a bundle that was made for Node
 * may run on Bun or Deno, and both sides of a thread must be of the same runtime.
 */
import * as Bun from "./bun.ts"
import * as Deno from "./deno.ts"
import * as Node from "./node.ts"
import type { Platform, ThreadPlatform } from "./platform.ts"

const choose = <A>(node: A, bun: A, deno: A): A => "Deno" in globalThis ? deno : "Bun" in globalThis ? bun : node

export const platform: Platform = choose(Node.platform, Bun.platform, Deno.platform)
export const thread: ThreadPlatform = choose(Node.thread, Bun.thread, Deno.thread)
