/** The worker of workerpool. */
import workerpool from "workerpool"
import * as Functions from "../../workload/functions.ts"

workerpool.worker({
  ...Functions,
  echoMoved: (bytes: Uint8Array) => new workerpool.Transfer(Functions.echo(bytes), [bytes.buffer])
})
