/** A worker process of BullMQ: port, queue, concurrency, and whether its results are published. */
import { Worker } from "bullmq"
import { Redis } from "ioredis"
import { inc } from "../../../pool/workload/functions.ts"
import type { Payload, Published, Returned } from "../bullmq.ts"

const [port, queue, concurrency, publishes] = process.argv.slice(2)
const connection = { host: "127.0.0.1", port: Number(port), maxRetriesPerRequest: null }

const worker = new Worker<Payload, Returned>(
  queue,
  ({ data }) => Promise.resolve(typeof data === "number" ? inc(data) : data.map(inc)),
  { connection, concurrency: Number(concurrency) }
)

if (publishes === "true") {
  const publisher = new Redis(connection)
  let results: Array<Published> = []
  // Only what Redis knows to be completed, and what has come together goes together.
  worker.on("completed", ({ id }, result) => {
    if (results.length === 0) {
      setImmediate(() => {
        void publisher.publish(queue, JSON.stringify(results))
        results = []
      })
    }
    results.push([id!, result])
  })
}

await worker.waitUntilReady()
process.stdout.write("ready\n")
