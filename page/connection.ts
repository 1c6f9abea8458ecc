/**
 * The connection to the dashboard: the login by the token of the URL, and the events.
 *
 * Must stay true: the token leaves the address bar before anything else is requested. A hidden tab holds no connection.
 */

export type Status =
  | { readonly state: "connecting" }
  | { readonly state: "live" }
  | { readonly state: "lost"; readonly since: number; readonly retryAt: number }
  | { readonly state: "needsToken"; readonly message: string }
  | { readonly state: "ended"; readonly at: number }

export interface Handlers {
  readonly onSnapshot: (data: string) => void
  readonly onFrame: (data: string) => void
  readonly onStatus: (status: Status) => void
}

/** Milliseconds until the next try, by the number of tries. */
const RETRIES = [500, 1000, 2000, 4000, 8000]
const ENDED_RETRY = 5000

/** Returns why the token does not open the page. A dashboard that needs none has no login. */
export const login = async (token: string): Promise<string | undefined> => {
  const response = await fetch("login", { method: "POST", body: token })
  return response.ok || response.status === 404 ? undefined : (await response.text()).trim()
}

/** The token in the fragment, which is removed from the address bar. A view of the page is in the fragment too. */
const takeToken = (): string | undefined => {
  const fragment = location.hash.slice(1)
  if (fragment === "" || fragment.startsWith("/")) return undefined
  history.replaceState(null, "", location.pathname + location.search)
  try {
    return decodeURIComponent(fragment)
  } catch {
    return fragment
  }
}

export const connect = (handlers: Handlers): { readonly retry: () => void } => {
  let source: EventSource | undefined
  let timer: number | undefined
  let tries = 0
  let lostSince: number | undefined
  let isEnded = false
  /** The token of the address has no answer yet, or is wrong: a page that becomes visible does not connect by itself. */
  let waitsForToken = false

  const close = (): void => {
    clearTimeout(timer)
    source?.close()
    source = undefined
  }

  const lose = async (): Promise<void> => {
    close()
    lostSince ??= Date.now()
    // An event source tells no status. Any path but the page needs a session.
    const status = await fetch("failures/0").then((response) => response.status, () => 0)
    // The next try has begun: the page was hidden meanwhile, or somebody did not want to wait.
    if (source !== undefined) return
    if (status === 401) {
      return handlers.onStatus({ state: "needsToken", message: "This page needs the token of the dashboard." })
    }
    if (isEnded) {
      timer = setTimeout(open, ENDED_RETRY)
      return
    }
    const delay = RETRIES[Math.min(tries++, RETRIES.length - 1)]
    handlers.onStatus({ state: "lost", since: lostSince, retryAt: Date.now() + delay })
    timer = setTimeout(open, delay)
  }

  const open = (): void => {
    close()
    waitsForToken = false
    if (document.hidden) return
    const opened = new EventSource("events")
    source = opened
    opened.addEventListener("snapshot", ({ data }) => {
      tries = 0
      lostSince = undefined
      isEnded = false
      handlers.onSnapshot(data)
      handlers.onStatus({ state: "live" })
    })
    opened.addEventListener("frame", ({ data }) => handlers.onFrame(data))
    opened.addEventListener("end", () => {
      isEnded = true
      close()
      lostSince = Date.now()
      handlers.onStatus({ state: "ended", at: lostSince })
      // The program may start again.
      timer = setTimeout(open, ENDED_RETRY)
    })
    opened.onerror = () => {
      if (source === opened) void lose()
    }
  }

  document.addEventListener("visibilitychange", () => {
    if (document.hidden) close()
    else if (source === undefined && !waitsForToken) open()
  })

  const token = takeToken()
  if (token === undefined) open()
  else {
    waitsForToken = true
    void login(token).then(
      (message) => message === undefined ? open() : handlers.onStatus({ state: "needsToken", message }),
      () => lose()
    )
  }
  return { retry: open }
}
