/** The worker of tinypool. */
import Tinypool from "tinypool"
import { echo } from "../../workload/functions.ts"

export { echo, inc, spin, sum } from "../../workload/functions.ts"

export const echoMoved = (bytes: Uint8Array) => Tinypool.move(echo(bytes))
