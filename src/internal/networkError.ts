/**
 * Errors of the network, for messages: the event in words, with the code by which manuals list it.
 */

const MESSAGES: Readonly<Record<string, string>> = {
  EACCES: "this process may not use the port",
  EADDRINUSE: "the address is in use",
  EADDRNOTAVAIL: "this host does not have the address",
  EAFNOSUPPORT: "this host does not have the address family",
  EAI_AGAIN: "the name server of the host (DNS) did not answer",
  ECONNABORTED: "the connection was aborted",
  ECONNREFUSED: "no process listens there",
  ECONNRESET: "the connection was reset",
  EHOSTDOWN: "the host is down",
  EHOSTUNREACH: "there is no route to the host",
  EMFILE: "this process has too many open files",
  ENETDOWN: "the network is down",
  ENETUNREACH: "there is no route to the network",
  ENFILE: "this host has too many open files",
  ENOTFOUND: "the host name is unknown",
  EPIPE: "the connection was closed",
  ETIMEDOUT: "the connection timed out"
}

export const describeNetworkError = (error: unknown): string => {
  const code = error instanceof Error && "code" in error ? String(error.code) : undefined
  if (code === undefined) return "the connection failed"
  // Node tries all addresses of a host name, and reports their errors as one.
  return `${MESSAGES[code] ?? "the connection failed"} (${code})`
}
