/** A worker process of BullMQ. Arguments: port of Redis, queue, concurrency, and whether it publishes its results. */
import { Worker } from "bullmq"
import { Redis } from "ioredis"
import { inc } from "../../workload/increments.ts"
import type { JobData, JobResult, PublishedResult } from "../bullmq.ts"

const [port, queue, concurrency, publishes] = process.argv.slice(2)
const connection = { host: "127.0.0.1", port: Number(port), maxRetriesPerRequest: null }

const worker = new Worker<JobData, JobResult>(
  queue,
  ({ data }) => Promise.resolve(typeof data === "string" ? data : typeof data === "number" ? inc(data) : data.map(inc)),
  { connection, concurrency: Number(concurrency) }
)

if (publishes === "true") {
  const publisher = new Redis(connection)
  let results: Array<PublishedResult> = []
  // "completed" is emitted after Redis has stored the result. Results of one turn of the event loop share a message.
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
