/** The standard streams of this process. Apart from `server.ts`, because threads do not need them. */
export { layer } from "@effect/platform-node/NodeStdio"

/** The size of the terminal at stderr, if it is one. */
export const terminalSize = (): { readonly columns?: number; readonly rows?: number } => process.stderr
