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

/** The hosts by which a dashboard is reached, against names that a foreign page had resolved to this host. */
export class Hosts {
  private readonly allowed: ReadonlySet<string>

  /**
   * @param names host names and addresses, IPv6 in brackets, without port or with one
   * @param defaultPort the port that browsers leave out of `Host`
   */
  constructor(names: Iterable<string>, port: number, defaultPort: number) {
    const allowed = new Set<string>()
    for (const given of names) {
      const name = given.toLowerCase()
      const hasPort = /:\d+$/.test(name)
      allowed.add(hasPort ? name : `${name}:${port}`)
      if (!hasPort && port === defaultPort) allowed.add(name)
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
    this.wrong = this.wrong.filter((at) => now - at < WRONG_WINDOW)
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
