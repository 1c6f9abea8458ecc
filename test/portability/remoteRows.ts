/** The rows of Remote: a name server on Node, and a worker process and a client that are bundled, on each runtime. */
import { match } from "node:assert/strict"
import { randomBytes } from "node:crypto"
import { join } from "node:path"
import { type Server, shell, start } from "./processes.ts"
import { makeFolder } from "./project.ts"
import type { Recipe } from "./recipes.ts"
import { checkRemote, type Row } from "./row.ts"

const RUNTIMES = { Node: "node", Bun: "bun", Deno: "deno run --allow-all --node-modules-dir=manual" } as const

type Runtime = keyof typeof RUNTIMES

const on = (runtime: Runtime) => (line: string): string => line.replace(/^node /, `${RUNTIMES[runtime]} `)

/** A secret is `undefined` where none is needed. */
const withNameServer = async (
  root: string,
  secret: string | undefined,
  f: (variables: Readonly<Record<string, string>>) => Promise<void>
): Promise<void> => {
  const variables: Record<string, string> = secret === undefined ? {} : { PAPYROS_SECRET: secret }
  const command = `node ${join(root, "node_modules/papyros/dist/bin.js")} nameserver --port 0`
  const nameServer = await start(root, command, /listening on (127\.0\.0\.1:\d+)/, variables)
  try {
    await f({ ...variables, PAPYROS_REMOTE_NAME_SERVER: nameServer.ready[1] })
  } finally {
    await nameServer.stop()
  }
}

const makeSecret = (): string => randomBytes(32).toString("base64url")

export const remoteRows = (recipe: Recipe): ReadonlyArray<Row> => {
  const [bundle, runWorker, runClient] = recipe.commands

  const make = async (root: string): Promise<string> => {
    const folder = makeFolder(root, recipe)
    await shell(folder, bundle)
    return folder
  }

  const works = (name: string, worker: Runtime, client: Runtime, secret?: string): Row => ({
    name: `Remote, ${name}`,
    run: async (root) => {
      const folder = await make(root)
      await withNameServer(root, secret, async (variables) => {
        const server: Server = await start(folder, on(worker)(runWorker), /is registered/, variables)
        let lines: ReadonlyArray<string> = []
        let ofWorker: ReadonlyArray<string> = []
        try {
          lines = await shell(folder, on(client)(runClient), variables)
        } finally {
          ofWorker = await server.stop()
        }
        checkRemote(lines, ofWorker)
      })
    }
  })

  /** Both programs end at once, with an error that says what the runtime lacks. */
  const refuses = (runtime: Runtime): Row => ({
    name: `Remote, a secret on ${runtime}`,
    run: async (root) => {
      const folder = await make(root)
      await withNameServer(root, makeSecret(), async (variables) => {
        for (const line of [runWorker, runClient]) {
          const error = await shell(folder, on(runtime)(line), variables).then(
            () => "it did not fail",
            (error: Error) => error.message
          )
          match(error, new RegExp(`RemoteError: secret: ${runtime} has no TLS with pre-shared keys.*on one host\\.`))
        }
      })
    }
  })

  return [
    works("bundled by esbuild", "Node", "Node"),
    works("bundled by esbuild, with a secret", "Node", "Node", makeSecret()),
    works("worker on Bun, client on Deno", "Bun", "Deno"),
    works("worker on Deno, client on Bun", "Deno", "Bun"),
    refuses("Bun"),
    refuses("Deno")
  ]
}
