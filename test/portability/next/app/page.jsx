import * as Effect from "effect/Effect"
import { pool } from "../function.ts"
import { program } from "../program.ts"

export const dynamic = "force-dynamic"

export default async function Page() {
  await Effect.runPromise(program(pool))
  return <p>rendered after the tasks</p>
}
