/** The table of the workers, and their events. */
import { useMemo } from "preact/hooks"
import { count, line, percent, several, span, time } from "../format.ts"
import { Empty, Meter, Panel, Table } from "../parts.tsx"
import type { Store, WorkerSummary } from "../store.ts"
import { matches, type ViewProps } from "./context.ts"
import { TaskStream } from "./taskStream.tsx"

/** A task of this age stands out. */
const LONG = 5000

const nowOf = (worker: WorkerSummary, store: Store, isReport: boolean) => {
  if (worker.state === "lost") {
    return <span class="tag bad">lost {time(store.startedAt + worker.leftAt!)}</span>
  }
  if (worker.state === "left") return <span class="tag">left {time(store.startedAt + worker.leftAt!)}</span>
  const { oldest } = worker
  if (oldest === null) return <span class="mut">{isReport ? "" : "idle"}</span>
  const name = line(store.types[oldest.type]?.name ?? "")
  const text = oldest.tasks > 1 ? `${name} × ${count(oldest.tasks)}` : `${name} ${span(oldest.age)}`
  return oldest.age >= LONG ? <span class="tag warn">{text}</span> : <span class="mut">{text}</span>
}

/** Workers that are up first, then those that were lost, the latest first. */
const inOrder = (workers: ReadonlyArray<WorkerSummary>): ReadonlyArray<WorkerSummary> =>
  workers.toSorted((a, b) =>
    Number(a.state !== "up") - Number(b.state !== "up") || (b.leftAt ?? 0) - (a.leftAt ?? 0) || a.id - b.id
  )

export const WorkerTable = (
  { filter, isReport, isWide = false, most, store }: Pick<ViewProps, "filter" | "isReport" | "store"> & {
    readonly isWide?: boolean
    readonly most: number
  }
) => {
  const { recent } = store
  const found = inOrder(store.workers).filter(({ name }) => matches(filter, name))
  const shown = found.slice(0, most)
  const up = store.workers.filter(({ state }) => state === "up").length
  const lost = store.workers.filter(({ state }) => state === "lost").length
  const cut = shown.length < store.workers.length ? ` · ${shown.length} of ${store.workers.length} shown` : ""
  const shareOf = (worker: WorkerSummary): number =>
    isReport || worker.state !== "up"
      ? worker.share
      : Math.min(1, recent.workerBusy(worker.id) / (worker.slots * Math.max(1, Math.min(recent.length, store.now - worker.joinedAt))))
  const wide = isWide ? "n hide-small" : "n hide"
  return (
    <Panel title="Workers" note={`${count(up)} up · ${count(lost)} lost${cut}`}>
      {store.workers.length === 0 ? <Empty>No worker has joined.</Empty> : (
        <Table
          label="Workers"
          columns={[
            ["Worker"],
            ["busy"],
            ["slots", wide],
            ["held", wide],
            ["done", "n hide-small"],
            ["failed", "n"],
            ["up for", wide],
            [isReport ? "end" : "now"]
          ]}
        >
              {shown.map((worker) => (
                <tr key={worker.id}>
                  <td>{line(worker.name)}</td>
                  <td><Meter share={shareOf(worker)} />{percent(shareOf(worker))}</td>
                  <td class={wide}>{count(worker.slots)}</td>
                  <td class={wide}>{count(worker.held)}</td>
                  <td class="n hide-small">{count(worker.tasks - worker.failed)}</td>
                  <td class={worker.failed > 0 ? "n badc" : "n mut"}>{count(worker.failed)}</td>
                  <td class={wide}>{span((worker.leftAt ?? store.now) - worker.joinedAt)}</td>
                  <td>{nowOf(worker, store, isReport)}</td>
                </tr>
              ))}
        </Table>
      )}
    </Panel>
  )
}

const textOf = ({ detail, kind, tasks }: Store["events"][number]): string => {
  const text = kind === "lost" ? "was lost" : kind === "restarted" ? `${several(tasks, "task")} started again` : kind
  return detail === null ? text : `${text}: ${line(detail)}`
}

/** It is drawn again only for new events, because it may have hundreds. */
const Events = ({ filter, store: { events, startedAt } }: Pick<ViewProps, "filter" | "store">) =>
  useMemo(() => {
    const found = events.filter(({ detail, worker }) => matches(filter, worker, detail))
    return (
      <Panel title="Events" note={`latest ${count(found.length)}`}>
        {found.length === 0 ? <Empty>No event.</Empty> : (
          <Table label="Events" isList columns={[["Time"], ["Worker"], ["Event"]]}>
            {found.map((event) => (
              <tr key={event.id}>
                <td class="mut">{time(startedAt + event.at)}</td>
                <td>{line(event.worker)}</td>
                <td class={event.kind === "lost" ? "badc" : "mut"}>{textOf(event)}</td>
              </tr>
            ))}
          </Table>
        )}
      </Panel>
    )
  }, [events, startedAt, filter])

export const Workers = (props: ViewProps) => (
  <>
    <TaskStream {...props} />
    <div class="cols2">
      <WorkerTable {...props} most={256} isWide />
      <Events {...props} />
    </div>
  </>
)
