import workerpool from "workerpool"
import * as Work from "../../workload/functions.ts"

workerpool.worker({
  ...Work,
  echoMoved: (bytes: Uint8Array) => new workerpool.Transfer(Work.echo(bytes), [bytes.buffer])
})
