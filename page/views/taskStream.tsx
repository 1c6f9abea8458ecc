/** The task stream: by default the last minute, with zoom and pan by mouse and keyboard in its own view. */
import type { ComponentChildren } from "preact"
import { useEffect, useRef, useState } from "preact/hooks"
import { Bars } from "../charts/bars.ts"
import { TYPE_COLOURS } from "../charts/canvas.ts"
import {
  describeSegment,
  drawTaskStream,
  type Hit,
  hitOf,
  type Row,
  type StreamView,
  visible
} from "../charts/taskStream.ts"
import { drawWholeRun } from "../charts/wholeRun.ts"
import { count, line, span, time } from "../format.ts"
import type { History } from "../history.ts"
import { Chart, Choice, Dot, Empty, Panel, useResize } from "../parts.tsx"
import type { Segment } from "../segment.ts"
import type { Store, WorkerSummary } from "../store.ts"
import { matches, type ViewProps } from "./context.ts"

/** Rows of one drawing. More would be thinner than a pixel or two. */
const MAX_ROWS = 256
const MIN_LENGTH = 20

interface Range {
  readonly from: number
  readonly to: number
}

interface StreamProps extends Pick<ViewProps, "store" | "now" | "theme" | "filter" | "isReport" | "pickFailure" | "loadHistory"> {
  readonly isTall?: boolean
}

/** A task that runs for long has no segment yet. */
const runningOf = (worker: WorkerSummary, now: number): Segment | undefined =>
  worker.oldest === null || worker.oldest.age < 250 || worker.state !== "up" ? undefined : {
    type: worker.oldest.type,
    from: now - worker.oldest.age,
    to: Infinity,
    tasks: worker.oldest.tasks,
    failed: 0,
    busy: 1
  }

const rowsOf = (store: Store, filter: string, now: number): { readonly rows: Array<Row>; readonly of: number } => {
  const rows: Array<Row> = []
  let of = 0
  for (const worker of store.workers) {
    if (worker === undefined) continue
    const lanes = store.rows[worker.id]?.rows.filter((row) => row !== undefined) ?? []
    // A worker that left long ago has nothing to show.
    if (worker.state !== "up" && lanes.every(({ length }) => length === 0) && now - (worker.leftAt ?? now) > 300_000) {
      continue
    }
    const all = lanes.length === 0 ? [[]] : lanes
    of += all.length
    if (!matches(filter, worker.name)) continue
    const running = runningOf(worker, now)
    const free = running === undefined ? -1 : Math.max(0, all.findIndex((lane) => (lane.at(-1)?.to ?? 0) <= running.from))
    const lost = worker.state === "lost" && worker.leftAt !== null
      ? [{ from: worker.leftAt, to: returnOf(store, worker), cause: causeOf(store, worker) }]
      : []
    all.forEach((lane, i) =>
      rows.push({
        name: i === 0 ? line(worker.name) : "",
        segments: lane,
        running: i === free ? running : undefined,
        losses: i === 0 ? lost : []
      })
    )
  }
  return { rows: rows.slice(0, MAX_ROWS), of }
}

const causeOf = (store: Store, { name }: WorkerSummary): string =>
  store.events.find(({ kind, worker }) => kind === "lost" && worker === name)?.detail ?? "unknown cause"

/** When another worker joined in its place. */
const returnOf = (store: Store, { leftAt }: WorkerSummary): number => {
  const next = store.workers.filter(({ joinedAt }) => joinedAt > leftAt!).map(({ joinedAt }) => joinedAt)
  return Math.min(leftAt! + 1000, ...next)
}

const Legend = ({ store }: { readonly store: Store }) => (
  <div class="legend">
    {store.types.slice(0, TYPE_COLOURS).map(({ id, name }) => (
      <span key={id}><Dot type={id} />{id === TYPE_COLOURS - 1 && store.types.length > TYPE_COLOURS ? "others" : line(name)}</span>
    ))}
    <span class="failed"><i aria-hidden="true">▼</i>failed</span>
  </div>
)

/** `ALL`: the whole run, in columns. */
const ALL = 0
const LENGTHS = [{ value: 60_000, name: "1 min" }, { value: 300_000, name: "5 min" }, { value: ALL, name: "all" }]
const REPORT_LENGTHS = [{ value: ALL, name: "whole run" }, { value: 120_000, name: "last 2 min" }]

/** How often the history is loaded again while it is shown, in milliseconds. */
const HISTORY_EVERY = 5000

/** The history, and the time of the recording at which it ends. */
interface LoadedHistory {
  readonly history: History
  readonly until: number
}

const useHistory = (
  { loadHistory, store }: Pick<StreamProps, "loadHistory" | "store">,
  isOn: boolean
): LoadedHistory | undefined => {
  const [loaded, setLoaded] = useState<LoadedHistory | undefined>(undefined)
  useEffect(() => {
    if (!isOn) return
    const update = (): void =>
      void loadHistory().then((history) => {
        if (history !== undefined) setLoaded({ history, until: Math.max(1, store.now) })
      })
    update()
    const timer = setInterval(update, HISTORY_EVERY)
    return () => clearInterval(timer)
  }, [isOn])
  return isOn ? loaded : undefined
}

const WholeRun = (
  { filter, isReport, isTall, loaded, store, theme }: Pick<
    StreamProps,
    "filter" | "isReport" | "isTall" | "store" | "theme"
  > & { readonly loaded: LoadedHistory }
) => {
  const { history, until } = loaded
  const all = history.workers.map((worker, id) => ({
    ...worker,
    name: line(worker.name),
    lostAt: store.workers[id]?.state === "lost" ? store.workers[id].leftAt ?? undefined : undefined
  }))
  const rows = all.filter(({ name }) => matches(filter, name)).slice(0, MAX_ROWS)
  return (
    <Chart
      id="stream"
      class={isTall === true ? "tall" : ""}
      height={heightOf(rows.length, isTall === true)}
      theme={theme}
      label={`The whole run: a row for each of ${count(all.length)} workers, a column for each ${span(history.width)}; ` +
        "the height of a column is the busy share"}
      inputs={[loaded, theme, rows.map(({ lostAt, name }) => `${name} ${lostAt}`).join()]}
      draw={(canvas) =>
        drawWholeRun(canvas, { history, rows, length: until, epoch: isReport ? undefined : store.startedAt })}
    />
  )
}

/** A few rows are no higher than bars need to be, and many stay apart. */
const heightOf = (rows: number, isTall: boolean): number =>
  34 + Math.max(Math.min(isTall ? 480 : 258, rows * (isTall ? 60 : 36)), rows * (isTall ? 12 : 5))

/** The task stream with its legend and the choice of the time. */
export const TaskStream = (props: StreamProps) => {
  const [length, setLength] = useState(props.isReport ? ALL : 60_000)
  const loaded = useHistory(props, length === ALL)
  const choice = (
    <Choice
      label="Time range"
      options={props.isReport ? REPORT_LENGTHS : LENGTHS}
      value={length}
      onChange={setLength}
    />
  )
  if (length !== ALL) return <Stream key={length} {...props} length={length} choice={choice} />
  return (
    <Panel
      title="Task stream"
      legend={<Legend store={props.store} />}
      right={
        <>
          {loaded === undefined ? null : <span class="note wide">a column for each {span(loaded.history.width)}; its height is the busy share</span>}
          {choice}
        </>
      }
    >
      {loaded === undefined ? <Empty>The data of the whole run is not here. Choose a shorter time.</Empty> : <WholeRun {...props} loaded={loaded} />}
    </Panel>
  )
}

const Stream = (
  { choice, filter, isReport, isTall = false, length, now, pickFailure, store, theme }: StreamProps & {
    readonly length: number
    readonly choice: ComponentChildren
  }
) => {
  const canvas = useRef<HTMLCanvasElement>(null)
  const tip = useRef<HTMLDivElement>(null)
  /** `undefined`: it follows the time. */
  const [range, setRange] = useState<Range | undefined>(undefined)
  const [chosen, setSelected] = useState<Hit | undefined>(undefined)

  const { of, rows } = rowsOf(store, filter, now)
  const selected = chosen === undefined ? undefined : latestOf(chosen, rows)
  // A bar of a task that runs is another one with each drawing: to keep it would draw again, without end.
  const kept = selected?.segment.to === Infinity ? chosen : selected
  useEffect(() => setSelected(kept), [kept?.segment])
  const follow: Range = { from: now - length, to: now }
  const { from, to } = range ?? follow
  const view: StreamView = {
    rows,
    from,
    to,
    now,
    typeNames: store.types.map(({ name }) => line(name)),
    epoch: store.startedAt,
    isLive: !isReport,
    selected: selected?.segment
  }
  const current = useRef(view)
  current.current = view

  const bars = useRef<Bars>(undefined)
  const draw = (): void => {
    bars.current ??= new Bars()
    if (canvas.current !== null) drawTaskStream(canvas.current, bars.current, current.current)
  }
  useEffect(draw)
  useResize(canvas, draw)

  /** Zooms around a share of the width, or moves by a share of it. */
  const change = (factor: number, centre: number, move = 0): void => {
    const { from, to } = current.current
    const size = to - from
    const next = Math.min(Math.max(MIN_LENGTH, size * factor), Math.max(MIN_LENGTH, isReport ? now : 300_000))
    const start = from + (size - next) * centre + move * size
    const end = Math.min(start + next, now)
    if (end >= now - 1 && !isReport && move >= 0 && factor >= 1) return setRange(undefined)
    setRange({ from: end - next, to: end })
  }

  const hitAt = (event: MouseEvent): Hit | undefined => {
    const { left, top } = canvas.current!.getBoundingClientRect()
    return hitOf(canvas.current!, current.current, event.clientX - left, event.clientY - top)
  }

  const showTip = (event: MouseEvent): void => {
    const found = hitAt(event)
    const box = tip.current!
    box.hidden = found === undefined
    if (found === undefined) return
    const [first, ...rest] = describeSegment(found.segment, current.current)
    box.replaceChildren(
      Object.assign(document.createElement("b"), { textContent: first }),
      ` on ${nameOf(current.current.rows, found.row)}`,
      ...rest.flatMap((text) => [document.createElement("br"), text])
    )
    box.style.left = `${Math.min(innerWidth - 230, event.clientX + 14)}px`
    box.style.top = `${event.clientY + 14}px`
  }

  const onKey = (event: KeyboardEvent): void => {
    const step = stepOf(event.key)
    if (step === undefined) {
      if (event.key !== "Enter" && event.key !== "Escape") return
      event.preventDefault()
      return setSelected(event.key === "Enter" ? nextHit(current.current, selected, event.shiftKey) : undefined)
    }
    event.preventDefault()
    event.stopPropagation()
    change(...step)
  }

  const onWheel = (event: WheelEvent): void => {
    // The page scrolls unless the view is about the stream.
    if (!isTall && !event.ctrlKey) return
    event.preventDefault()
    const { left, width } = canvas.current!.getBoundingClientRect()
    change(event.deltaY > 0 ? 1.25 : 0.8, (event.clientX - left) / width)
  }
  useEffect(() => {
    const element = canvas.current!
    element.addEventListener("wheel", onWheel, { passive: false })
    return () => element.removeEventListener("wheel", onWheel)
  })

  const shown = rows.length < of ? `${count(rows.length)} of ${count(of)} rows` : undefined
  const total = store.types.length === 0 ? "no task has run" : `${count(store.segmentCount)} bars in all`
  return (
    <Panel
      title="Task stream"
      legend={<Legend store={store} />}
      note={shown}
      right={
        <>
          <span class="note wide">bars of short tasks are merged; their height is the busy share</span>
          {range === undefined
            ? null
            : <button type="button" class="btn" onClick={() => setRange(undefined)}>{isReport ? "Reset" : "Now"}</button>}
          {choice}
        </>
      }
    >
      <canvas
        ref={canvas}
        id="stream"
        class={isTall ? "tall" : undefined}
        style={{ height: `${heightOf(rows.length, isTall)}px` }}
        data-theme={theme}
        tabIndex={0}
        role="application"
        aria-label={`Task stream: a row for each slot, a bar for each task or run of short tasks; ${total}. ` +
          "Plus and minus zoom, the arrows move, Enter selects a bar."}
        onKeyDown={onKey}
        onMouseMove={showTip}
        onMouseLeave={() => {
          tip.current!.hidden = true
        }}
        onClick={(event) => setSelected(hitAt(event))}
      />
      <div id="tip" role="tooltip" ref={tip} hidden />
      {selected === undefined ? null : (
        <Selected hit={selected} view={view} store={store} pickFailure={pickFailure} close={() => setSelected(undefined)} />
      )}
    </Panel>
  )
}

/** Finds the selected bar again: each update makes a new bar for a running task, and its end makes a segment. */
const latestOf = ({ row, segment }: Hit, rows: ReadonlyArray<Row>): Hit | undefined => {
  if (segment.to < Infinity) return { row, segment }
  const { running, segments } = rows[row] ?? { segments: [] }
  const found = [running, ...segments.slice(-50)].find((one) =>
    one?.type === segment.type && Math.abs(one.from - segment.from) < 50
  )
  return found && { row, segment: found }
}

/** Zoom or move of a key: factor, centre and share of the width. */
const stepOf = (key: string): readonly [number, number, number] | undefined => {
  switch (key) {
    case "+":
    case "=":
      return [0.7, 0.5, 0]
    case "-":
      return [1 / 0.7, 0.5, 0]
    case "ArrowLeft":
      return [1, 0.5, -0.2]
    case "ArrowRight":
      return [1, 0.5, 0.2]
    default:
      return undefined
  }
}

/** Sub-rows have the name of the first row of their worker. */
const nameOf = (rows: ReadonlyArray<Row>, row: number): string => {
  let at = row
  while (at > 0 && rows[at].name === "") at--
  return rows[at].name
}

/** The bar after the selected one in its row, then in the next row; before it with `isBack`. Only bars in sight. */
const nextHit = (view: StreamView, selected: Hit | undefined, isBack: boolean): Hit | undefined => {
  const all = view.rows.flatMap((shown, row) => visible(view, shown).map((segment): Hit => ({ row, segment })))
  const at = all.findIndex(({ segment }) => segment === selected?.segment)
  if (all.length === 0) return undefined
  if (at < 0) return all[isBack ? all.length - 1 : 0]
  return all[(at + (isBack ? all.length - 1 : 1)) % all.length]
}

const Selected = (props: {
  readonly hit: Hit
  readonly view: StreamView
  readonly store: Store
  readonly pickFailure: (group: number) => void
  readonly close: () => void
}) => {
  const { segment } = props.hit
  const [first, ...rest] = describeSegment(segment, props.view)
  const worker = nameOf(props.view.rows, props.hit.row)
  const failure = segment.failed === 0 ? undefined : props.store.latestFailures.find((failure) =>
    line(failure.worker) === worker && failure.at >= segment.from - 5 && failure.at <= segment.to + 5
  )
  return (
    <div class="selected" role="status">
      <b>{first}</b> on {worker} · {rest.join(" · ")} · {time(props.store.startedAt + segment.from)}
      {failure === undefined ? null : (
        <button type="button" class="link" onClick={() => props.pickFailure(failure.group)}>
          {failure.reason}: {line(failure.message).slice(0, 80)}
        </button>
      )}
      <button type="button" class="btn icon" aria-label="Deselect" onClick={props.close}>×</button>
    </div>
  )
}

export const TallStream = (props: ViewProps) => <TaskStream {...props} isTall />
