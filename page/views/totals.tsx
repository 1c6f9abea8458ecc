/** The totals and the time budget, at the top of the overview. */
import { count, date, percent, several, short, span, time } from "../format.ts"
import { BUDGET_NAMES, BUDGET_PARTS, type BudgetPart, totalOf } from "../../src/internal/recorder/timeBudget.ts"
import { RECENT, type Recent, type Store } from "../store.ts"
import { percentiles } from "./tasks.tsx"

interface TileProps {
  readonly name: string
  readonly value: string
  readonly unit?: string
  readonly note: string
  readonly isBad?: boolean
}

const Tile = ({ isBad = false, name, note, unit, value }: TileProps) => (
  <div class={isBad ? "tile bad" : "tile"}>
    <div class="k">{name}</div>
    <div class="v">{value}{unit === undefined ? null : <small> {unit}</small>}</div>
    <div class="s" title={note}>{note}</div>
  </div>
)

/** The time that recent figures cover, in whole seconds: more than a minute just after the page was opened. */
const recentLength = ({ length }: Recent): string =>
  span(1000 * Math.max(1, Math.round((length < 2 * RECENT ? Math.min(RECENT, length) : length) / 1000)))

const longest = (store: Store): string => {
  let found: { readonly type: number; readonly age: number } | undefined
  for (const { oldest } of store.workers) {
    if (oldest !== null && (found === undefined || oldest.age > found.age)) found = oldest
  }
  return found === undefined ? "no task is held" : `longest: ${store.types[found.type]?.name ?? "a new type"}, ${span(found.age)}`
}

const peakOf = ({ series }: Store): number => {
  // A second at least: narrow columns exaggerate.
  const columns = Math.max(1, Math.round(1000 / series.width))
  let peak = 0
  let sum = 0
  for (let i = 0; i < series.succeeded.length; i++) {
    sum += series.succeeded[i] + series.failed[i]
    if (i >= columns) sum -= series.succeeded[i - columns] + series.failed[i - columns]
    peak = Math.max(peak, sum)
  }
  return peak / (columns * series.width / 1000)
}

const repeats = ({ restarted, retried }: Store["totals"]): string =>
  `${count(retried)} retried · ${count(restarted)} restarted`

export const Totals = ({ store }: { readonly store: Store }) => {
  const { recent, totals } = store
  const done = recent.succeeded + recent.failed
  const slotTime = totalOf(recent.budget)
  const mean = (totals.succeeded + totals.failed) / Math.max(1, store.now) * 1000
  return (
    <section class="panel tiles" aria-label="Totals">
      <Tile name="Waiting" value={count(totals.waiting)} note={`${several(totals.executions, "execution")} open`} />
      <Tile name="Running" value={count(totals.running)} unit={`of ${count(totals.slots)} slots`} note={longest(store)} />
      <Tile name="Done" value={count(totals.succeeded)} note={repeats(totals)} />
      <Tile
        name="Failed"
        value={count(totals.failed)}
        note={`${count(Math.max(0, recent.failed))} in the last ${recentLength(recent)}`}
        isBad={totals.failed > 0}
      />
      <Tile
        name="Throughput"
        value={short(done / recent.length * 1000)}
        unit="tasks/s"
        note={`mean ${short(mean)} · peak ${short(Math.max(mean, peakOf(store)))}`}
      />
      <Tile
        name="Workers busy"
        value={slotTime === 0 ? "–" : percent(recent.budget.running / slotTime).replace(" %", "")}
        unit="%"
        note={`main thread ${percent(store.mainThread)}`}
      />
    </section>
  )
}

export const ReportTotals = ({ store }: { readonly store: Store }) => {
  const { budget, now, startedAt, totals } = store
  const all = totals.succeeded + totals.failed
  const { p50, p95, p99 } = percentiles(store.types)
  return (
    <section class="panel tiles" aria-label="Totals">
      <Tile name="Result" value={count(all)} unit="tasks" note={`${count(totals.failed)} failed`} />
      <Tile name="Wall time" value={span(now)} note={`${time(startedAt)} – ${time(startedAt + now)}, ${date(startedAt)}`} />
      <Tile
        name="Throughput"
        value={short(all / Math.max(1, now) * 1000)}
        unit="tasks/s"
        note={`peak ${short(peakOf(store))}`}
      />
      <Tile
        name="Workers busy"
        value={percent(budget.running / Math.max(1, totalOf(budget))).replace(" %", "")}
        unit="%"
        note={`${span(budget.running)} in handlers`}
      />
      <Tile
        name="Run time"
        value={p50 === undefined ? "–" : span(p50)}
        unit="p50"
        note={p95 === undefined ? "no task has ended" : `p95 ${span(p95)} · p99 ${span(p99!)}`}
      />
      <Tile name="Repeated" value={count(totals.retried + totals.restarted)} unit="starts" note={repeats(totals)} />
    </section>
  )
}

/** The greys of the parts; amber, 1, is for the part that advice is about. */
const GREYS: Readonly<Record<BudgetPart, number>> = {
  running: 0,
  sending: 2,
  input: 3,
  consumer: 3,
  order: 4,
  retry: 4,
  starting: 4,
  noTasks: 5
}

/** The part of the budget that a piece of advice is about, which is amber. */
const SUBJECT: Readonly<Record<string, BudgetPart>> = {
  small: "sending",
  oneThread: "running",
  waiting: "running",
  input: "input",
  consumer: "consumer",
  tail: "noTasks",
  order: "order",
  chunkSize: "sending",
  lost: "starting"
}

export const Budget = ({ isReport, store }: { readonly store: Store; readonly isReport: boolean }) => {
  const { recent } = store
  const budget = isReport ? store.budget : recent.budget
  const total = Math.max(1e-9, totalOf(budget))
  const subjects = new Set(store.advice.map(({ kind }) => SUBJECT[kind]))
  const parts = BUDGET_PARTS.map((key) => ({
    key,
    name: BUDGET_NAMES[key],
    share: budget[key] / total,
    colour: `var(--t${key !== "running" && subjects.has(key) ? 1 : GREYS[key]})`
  })).filter(({ share }) => share >= 0.0005)
  const length = isReport ? "whole run" : `last ${recentLength(recent)}`
  return (
    <section class="panel time" aria-label="Where the time went">
      <div>
        <h2>Where the time went</h2>
        <p class="mut">{several(store.totals.slots, "slot")} × {length}</p>
      </div>
      <div>
        <div class="bar" role="img" aria-label={parts.map(({ name, share }) => `${name} ${percent(share)}`).join(", ")}>
          {parts.map(({ colour, key, share }) => <i key={key} style={{ width: `${100 * share}%`, background: colour }} />)}
        </div>
        <div class="keys">
          {parts.map(({ colour, key, name, share }) => (
            <span key={key}>
              <i class="dot" style={{ background: colour }} />
              <span class="name">{name}</span> <b>{percent(share)}</b>
            </span>
          ))}
        </div>
      </div>
      {store.advice.map(({ kind, text }) => (
        <div key={kind} class="advice"><b>Advice</b><span>{text}</span></div>
      ))}
    </section>
  )
}
