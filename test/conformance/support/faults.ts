/**
 * The known faults that claims of the suite show, by their numbers. A claim that a fault breaks is expected to fail, and
 * its test fails when the fault is mended: then the claim loses its mark, and a fault without claims leaves this list.
 */
export const faults = {
  C14: "what a source stream forks ends with the array that it was forked in",
  N1: "a thread runs more tasks than maxTasksPerWorker: its chunks are not cut to what is left",
  P10: "the loss of a thread is not logged",
  P11: "an idle pool keeps the process alive",
  P17: "a pool with a size that has neither min nor max waits without end",
  P18: "a free slot of a thread with several gets no task while another of its tasks waits",
  P19: "an elastic pool does not grow for a task that comes while its threads are busy",
  P20: "a task that is cancelled while its payload is decoded still starts",
  R11: "a remote worker stays idle while a task waits for a busy one"
} as const

export type Fault = keyof typeof faults
