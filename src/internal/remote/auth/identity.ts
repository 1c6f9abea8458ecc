/**
 * Who a process says it is: its role, and the worker group it belongs to. On a TLS
 * connection this is proven, because the key of the connection is derived from it
 * (`Secret.keyOf`); it is what goes over the wire in clear, so it must not be secret.
 */

export type Role = "worker" | "client" | "operator"

export interface Identity {
  readonly role: Role
  /** `*` for an operator, who belongs to none and may look into all. */
  readonly group: string
}

const GROUP = /^[A-Za-z0-9._-]{1,64}$/

/** Whether it may name a worker group: 1 to 64 letters, digits, `.`, `_` or `-`. */
export const isGroup = (name: string): boolean => GROUP.test(name)

export const operator: Identity = { role: "operator", group: "*" }

/** The PSK identity, `role/group`. */
export const format = ({ group, role }: Identity): string => `${role}/${group}`

export const parse = (text: string): Identity | undefined => {
  if (text === "operator/*") return operator
  const slash = text.indexOf("/")
  const role = text.slice(0, slash)
  const group = text.slice(slash + 1)
  return (role === "worker" || role === "client") && isGroup(group) ? { role, group } : undefined
}
