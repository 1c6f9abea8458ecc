/** The properties of a dispatcher with two workers of one thread each, as a subject of the laws. */
import type { Subject } from "papyros/testing"

export const workerSubject: Omit<Subject, "layer" | "effort"> = {
  boundary: "codec",
  concurrency: 2,
  bounds: true,
  endsBusyLoops: true,
  losesWorkers: true,
  nests: true,
  sharesClock: false,
  sharesMemory: false
}
