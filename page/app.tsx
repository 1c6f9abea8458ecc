/** The page: its header, its keys, and the view that is chosen. */
import { useEffect, useReducer, useRef, useState } from "preact/hooks"
import { login, type Status } from "./connection.ts"
import { count, line, several, span, time } from "./format.ts"
import { type Key, listen } from "./keys.ts"
import { Empty } from "./parts.tsx"
import type { Recording } from "./recording.ts"
import type { ViewProps } from "./views/context.ts"
import { Failures } from "./views/failures.tsx"
import { Overview } from "./views/overview.tsx"
import { Tasks } from "./views/tasks.tsx"
import { TallStream } from "./views/taskStream.tsx"
import { Workers } from "./views/workers.tsx"

const VIEWS = ["overview", "stream", "tasks", "workers", "failures"] as const
type View = typeof VIEWS[number]

const NAMES: Readonly<Record<View, string>> = {
  overview: "Overview",
  stream: "Task stream",
  tasks: "Tasks",
  workers: "Workers",
  failures: "Failures"
}

const viewOf = (hash: string): View => {
  const name = hash.replace(/^#\/?/, "")
  return VIEWS.find((view) => view === name) ?? "overview"
}

const useTheme = (): readonly [string, () => void] => {
  const dark = matchMedia("(prefers-color-scheme: dark)")
  const [chosen, choose] = useState<string | undefined>(() => new URLSearchParams(location.search).get("theme") ?? undefined)
  const [system, setSystem] = useState(dark.matches)
  useEffect(() => {
    const onChange = (): void => setSystem(dark.matches)
    dark.addEventListener("change", onChange)
    return () => dark.removeEventListener("change", onChange)
  }, [])
  const theme = chosen ?? (system ? "dark" : "light")
  // Before the views draw: canvases read their colours from the style.
  document.documentElement.dataset.theme = theme
  return [theme, () => choose(theme === "dark" ? "light" : "dark")]
}

/** The current time. While it is on, the component is drawn again each second. */
const useClock = (isOn: boolean): number => {
  const [, tick] = useReducer((n: number) => n + 1, 0)
  useEffect(() => {
    if (!isOn) return
    const timer = setInterval(() => tick(undefined as never), 1000)
    return () => clearInterval(timer)
  }, [isOn])
  return Date.now()
}

export const App = ({ recording }: { readonly recording: Recording }) => {
  const [, draw] = useReducer((n: number) => n + 1, 0)
  useEffect(() => recording.subscribe(() => draw(undefined as never)), [])
  const [theme, toggleTheme] = useTheme()
  const [view, setView] = useState<View>(() => viewOf(location.hash))
  const [filter, setFilter] = useState("")
  const [isFiltering, setFiltering] = useState(false)
  const [picked, setPicked] = useState<number | undefined>(undefined)
  const help = useRef<HTMLDialogElement>(null)
  const { isPaused, status, store } = recording

  const show = (view: string): void => {
    history.replaceState(null, "", `#/${view}`)
    setView(viewOf(view))
    scrollTo(0, 0)
  }
  useEffect(() => {
    const onHash = (): void => setView(viewOf(location.hash))
    addEventListener("hashchange", onHash)
    return () => removeEventListener("hashchange", onHash)
  }, [])

  const keys: ReadonlyArray<Key> = [
    ...VIEWS.map((view, i): Key => ({ key: String(i + 1), about: NAMES[view], run: () => show(view) })),
    ...(recording.isReport
      ? []
      : [{ key: " ", label: "Space", about: "Pause the page; the recording goes on", run: () => recording.togglePause() }]),
    { key: "/", about: "Filter by task, worker or message", run: () => setFiltering(true) },
    { key: "t", about: "Switch between light and dark", run: toggleTheme },
    { key: "?", about: "Show this list", run: () => help.current?.showModal() },
    {
      key: "Escape",
      label: "Esc",
      about: "Close this list, or remove the filter",
      run: () => {
        setFilter("")
        setFiltering(false)
      }
    }
  ]
  const latest = useRef(keys)
  latest.current = keys
  useEffect(() => listen(() => latest.current), [])

  if (status.state === "needsToken") return <Token status={status} retry={recording.retry} />
  const props: ViewProps | undefined = store === undefined ? undefined : {
    store,
    now: store.now,
    theme,
    filter,
    isReport: recording.isReport,
    loadHistory: recording.loadHistory,
    show,
    pickFailure: (group) => {
      setPicked(group)
      show("failures")
    }
  }
  return (
    <>
      <header>
        <div class="brand">papyros</div>
        <div class="where">
          <h1>{store === undefined ? "papyros" : line(store.name)}</h1>
          <span>{store === undefined ? "" : whereOf(store, recording.isReport)}</span>
        </div>
        <nav aria-label="Views">
          {VIEWS.map((name) => (
            <a
              key={name}
              href={`#/${name}`}
              aria-current={name === view ? "page" : undefined}
              onClick={(event) => {
                event.preventDefault()
                show(name)
              }}
            >
              {recording.isReport && name === "overview"
                ? "Summary"
                : name === "stream"
                ? <><span class="hide-small">Task{" "}</span>stream</>
                : NAMES[name]}
              {name === "failures" && store !== undefined && store.failures > 0
                ? <span class="count">{count(store.failures)}</span>
                : null}
            </a>
          ))}
        </nav>
        <div class="tools">
          <Live recording={recording} />
          {isFiltering
            ? (
              <input
                class="filter"
                type="search"
                placeholder="Filter"
                aria-label="Filter by task, worker or message"
                value={filter}
                ref={(input) => input?.focus()}
                onInput={(event) => setFilter(event.currentTarget.value)}
                onKeyDown={(event) => {
                  if (event.key !== "Escape") return
                  setFilter("")
                  setFiltering(false)
                }}
              />
            )
            : <button type="button" class="btn wide" onClick={() => setFiltering(true)}>Filter<kbd>/</kbd></button>}
          {recording.isReport ? null : (
            <button type="button" class="btn" aria-pressed={isPaused} onClick={() => recording.togglePause()}>
              {isPaused ? "Resume" : "Pause"}
              <kbd class="wide">Space</kbd>
            </button>
          )}
          <button type="button" class="btn icon wide" aria-label="Switch between light and dark" onClick={toggleTheme}>◐</button>
          <button
            type="button"
            class="btn icon wide"
            aria-label="Keyboard shortcuts"
            onClick={() => help.current?.showModal()}
          >
            ?
          </button>
        </div>
      </header>
      <Banner recording={recording} />
      <main>
        {props === undefined
          ? <Empty>{status.state === "connecting" ? "Connecting…" : "No figures have arrived yet."}</Empty>
          : store!.types.length === 0 && store!.totals.waiting === 0 && view === "overview"
          ? <><NoTasks /><Overview {...props} /></>
          : <Chosen view={view} {...props} picked={picked} load={recording.load} />}
        {recording.footer === undefined ? null : (
          <footer>
            {recording.footer}
            {recording.files.map(({ name, save }) => (
              <span key={name}>{" · "}<button type="button" class="link" onClick={save}>{name}</button></span>
            ))}
          </footer>
        )}
      </main>
      <dialog ref={help} aria-label="Keyboard shortcuts">
        <h2>Keyboard shortcuts</h2>
        <dl class="kv">
          {keys.map(({ about, key, label }) => [<dt key={key}><kbd>{label ?? key}</kbd></dt>, <dd key={about}>{about}</dd>])}
          <dt><kbd>+</kbd> <kbd>-</kbd></dt>
          <dd>Zoom the task stream, if it has the focus</dd>
          <dt><kbd>←</kbd> <kbd>→</kbd></dt>
          <dd>Move the task stream in time</dd>
          <dt><kbd>Enter</kbd></dt>
          <dd>Select the next bar of the task stream</dd>
        </dl>
        <form method="dialog"><button class="btn">Close</button></form>
      </dialog>
    </>
  )
}

const Chosen = (
  { view, ...props }: ViewProps & {
    readonly view: View
    readonly picked: number | undefined
    readonly load: Recording["load"]
  }
) => {
  switch (view) {
    case "overview":
      return <Overview {...props} />
    case "stream":
      return <TallStream {...props} />
    case "tasks":
      return <Tasks {...props} />
    case "workers":
      return <Workers {...props} />
    case "failures":
      return <Failures {...props} />
  }
}

const whereOf = (store: NonNullable<Recording["store"]>, isReport: boolean): string => {
  const up = store.workers.filter(({ state }) => isReport || state === "up").length
  return `${several(up, "worker")} · started ${time(store.startedAt)} · ${span(store.now)}`
}

const Live = ({ recording: { isPaused, isReport, missed, status } }: { readonly recording: Recording }) => {
  if (isReport) return <span class="live wide"><span>report</span></span>
  const [text, kind] = isPaused
    ? [missed === 0 ? "paused" : `paused · ${count(missed)} new`, "paused"]
    : status.state === "live"
    ? ["live", "on"]
    : status.state === "ended"
    ? ["ended", "paused"]
    : status.state === "connecting"
    ? ["connecting", "paused"]
    : ["disconnected", "off"]
  return <span class={`live ${kind}`} role="status"><i aria-hidden="true" /><span>{text}</span></span>
}

/** Frames come twice a second. */
const BUSY_AFTER = 2500

const Banner = ({ recording }: { readonly recording: Recording }) => {
  const { lastAt, status } = recording
  const clock = useClock(status.state === "live" || status.state === "lost")
  if (status.state === "lost") {
    const wait = Math.max(0, Math.ceil((status.retryAt - clock) / 1000))
    return (
      <div class="banner bad" role="alert">
        The connection was lost at {time(status.since)}. The page shows the figures of that time.{" "}
        {wait > 0 ? `Trying again in ${wait} s.` : "Trying again."}
      </div>
    )
  }
  if (status.state === "ended" && !recording.isReport) {
    return <div class="banner" role="status">Ended at {time(status.at)}. The page shows the final figures.</div>
  }
  if (status.state === "live" && lastAt !== undefined && clock - lastAt > BUSY_AFTER) {
    return (
      <div class="banner warn" role="status">
        No update for {Math.round((clock - lastAt) / 1000)} s: the main thread of the program is busy, or the network is slow.
      </div>
    )
  }
  return null
}

const NoTasks = () => <div class="banner" role="status">No task has started yet.</div>

const Token = ({ retry, status }: { readonly status: Extract<Status, { state: "needsToken" }>; readonly retry: () => void }) => {
  const [message, setMessage] = useState(status.message)
  return (
    <main class="token">
      <form
        class="panel"
        onSubmit={(event) => {
          event.preventDefault()
          const token = new FormData(event.currentTarget).get("token")
          void login(String(token).trim()).then(
            (failure) => failure === undefined ? retry() : setMessage(failure),
            () => setMessage("The dashboard does not answer.")
          )
        }}
      >
        <h1>papyros</h1>
        <p>{message}</p>
        <label>Token <input name="token" type="password" autocomplete="off" required ref={(input) => input?.focus()} /></label>
        <button class="btn">Open</button>
      </form>
    </main>
  )
}
