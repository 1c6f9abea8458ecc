import { move } from "piscina"
import { echo } from "../work.ts"

export { echo, inc, spin, sum } from "../work.ts"

export const echoMoved = (bytes: Uint8Array) => move(echo(bytes))
