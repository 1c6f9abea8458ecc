/** The worker of piscina. */
import { move } from "piscina"
import { echo } from "../../workload/functions.ts"

export { echo, inc, spin, sum } from "../../workload/functions.ts"

export const echoMoved = (bytes: Uint8Array) => move(echo(bytes))
