/**
 * Decides which requests a dashboard answers: the names of its host, and the sessions of those who know its token.
 *
 * Must stay true: the token and the ids of sessions are kept as hashes only. A request that is refused changes nothing
 * but the count of wrong tokens.
 */
import * as Redacted from "effect/Redacted"
import { createHash, randomBytes, timingSafeEqual } from "node:crypto"

/** Wrong tokens in a second, after which every login is refused until the second is over. */
const MAX_WRONG = 5
const WRONG_WINDOW = 1000

/** Sessions at a time. A further one ends the oldest. */
const MAX_SESSIONS = 64
export const SESSION_SECONDS = 12 * 60 * 60

const hash = (text: string): Buffer => createHash("sha256").update(text).digest()

/** The headers of a request, in lower case. */
type Headers = Readonly<Record<string, string | undefined>>

/** Whether a browser made the request for a page of another site. A link on such a page may still lead here. */
export const isCrossSite = (headers: Headers): boolean =>
  headers["sec-fetch-site"] === "cross-site" && headers["sec-fetch-mode"] !== "navigate"

/** The ports that browsers leave out of `Host`, by HTTP and HTTPS. */
const DEFAULT_PORT = /:(?:80|443)$/

/** The hosts by which a dashboard is reached, against names that a foreign page had resolved to this host. */
export class Hosts {
  private readonly allowed: ReadonlySet<string>

  /**
   * @param own the host names and addresses of the dashboard, IPv6 in brackets
   * @param defaultPort the port that browsers leave out of `Host`
   * @param further names by which others reach it, such as a proxy: without port, or with that of the proxy
   */
  constructor(own: Iterable<string>, port: number, defaultPort: number, further: Iterable<string> = []) {
    const allowed = new Set<string>()
    for (const name of own) {
      allowed.add(`${name.toLowerCase()}:${port}`)
      if (port === defaultPort) allowed.add(name.toLowerCase())
    }
    for (const given of further) {
      const name = given.toLowerCase()
      const hasPort = /^[^:]*:\d+$|\]:\d+$/.test(name)
      const host = !hasPort && name.includes(":") && !name.startsWith("[") ? `[${name}]` : name
      allowed.add(hasPort ? host : `${host}:${port}`)
      // A proxy on the default port of its scheme, which this server does not know.
      if (!hasPort || DEFAULT_PORT.test(host)) allowed.add(host.replace(DEFAULT_PORT, ""))
    }
    this.allowed = allowed
  }

  has({ host }: Headers): boolean {
    return host !== undefined && this.allowed.has(host.toLowerCase())
  }
}

export type Login =
  | { readonly _tag: "Accepted"; readonly session: string }
  | { readonly _tag: "Refused" | "Limited" }

/** The sessions of the viewers who gave the token. Times are in milliseconds. */
export class Sessions {
  private readonly token: Buffer
  /** The end of each session, by the hash of its id, oldest first. */
  private readonly ends = new Map<string, number>()
  /** The times of the latest wrong tokens. */
  private wrong: Array<number> = []

  constructor(token: Redacted.Redacted<string>) {
    this.token = hash(Redacted.value(token))
  }

  has(id: string | undefined, now: number): boolean {
    if (id === undefined) return false
    const end = this.ends.get(hash(id).toString("base64"))
    return end !== undefined && now < end
  }

  login(token: string, now: number): Login {
    // The clock of the host may have been set back.
    this.wrong = this.wrong.filter((at) => Math.abs(now - at) < WRONG_WINDOW)
    if (this.wrong.length >= MAX_WRONG) return { _tag: "Limited" }
    if (!timingSafeEqual(hash(token), this.token)) {
      this.wrong.push(now)
      return { _tag: "Refused" }
    }
    const session = randomBytes(32).toString("base64url")
    if (this.ends.size === MAX_SESSIONS) this.ends.delete(this.ends.keys().next().value!)
    this.ends.set(hash(session).toString("base64"), now + SESSION_SECONDS * 1000)
    return { _tag: "Accepted", session }
  }
}
