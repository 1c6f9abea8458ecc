/**
 * Worker threads of Deno: those of Node, with four differences. Messages are sent over a `MessageChannel`, of which the
 * thread gets a port with the first message. Messages are not received synchronously while the port has a listener:
 * under load, the listener of a port that is read in both ways gets no message for seconds. `exit` comes within
 * `terminate`, before messages that were sent earlier. A thrown error lacks the mark of the task that threw it, and a
 * thread whose heap is full stops without an event.
 */
import { MessageChannel, type MessagePort, parentPort, receiveMessageOnPort } from "node:worker_threads"
import * as Node from "./node.ts"
import type { Platform, ThreadPlatform } from "./platform.ts"

const startByUrl = Node.startWith(Node.startByUrl)

/** Not every port of Deno has the functions of Node. */
const listen = (port: MessagePort, f: (messages: ReadonlyArray<never>) => void): void => {
  const web = port as unknown as { onmessage: (event: { readonly data: ReadonlyArray<never> }) => void }
  web.onmessage = ({ data }) => f(data)
}

export const platform: Platform = {
  ...Node.platform,
  start: (source, options, events) => {
    const { port1, port2 } = new MessageChannel()
    listen(port1, events.message)
    const connection = startByUrl<unknown>(source, options, {
      ...events,
      // It listens.
      message: () => connection.post([port2], [port2 as unknown as ArrayBuffer]),
      exit: (exitCode) =>
        setImmediate(() => {
          for (let last = receiveMessageOnPort(port1); last !== undefined; last = receiveMessageOnPort(port1)) {
            events.message(last.message)
          }
          port1.close()
          events.exit(exitCode)
        })
    })
    return {
      ...connection,
      post: (messages, transferred) => port1.postMessage(messages, transferred)
    }
  },
  unref: (timer: unknown) => {
    if (typeof timer === "number") denoOf(globalThis).unrefTimer(timer)
    else (timer as NodeJS.Timeout).unref()
  }
}

const denoOf = (global: object): { readonly unrefTimer: (timer: number) => void } =>
  (global as { readonly Deno: { readonly unrefTimer: (timer: number) => void } }).Deno

export const thread: ThreadPlatform = {
  ...Node.thread,
  attributesFaults: false,
  connect: (events, opened) => {
    parentPort!.once("message", ([port]: readonly [MessagePort]) => {
      listen(port, events.message)
      opened({
        post: (messages, transferred) => port.postMessage(messages, transferred),
        poll: () => undefined,
        keepAlive: () => {}
      })
    })
    parentPort!.postMessage([])
  }
}
