/** The failures: by cause, and one in detail. */
import { useEffect, useState } from "preact/hooks"
import { count, line, time } from "../format.ts"
import { sanitizeLines } from "../../src/internal/sanitize.ts"
import { Empty, Panel, Pick, Table } from "../parts.tsx"
import type { Failure, FailureGroup, FailureSummary, Store } from "../store.ts"
import { matches, type ViewProps } from "./context.ts"

/** The latest failures, for the overview. */
export const LatestFailures = (
  { filter, pickFailure, store }: Pick<ViewProps, "filter" | "store" | "pickFailure">
) => {
  const found = store.latestFailures.filter(({ message, reason, task, worker }) =>
    matches(filter, task, reason, worker, message)
  )
  const shown = found.slice(0, 8)
  return (
    <Panel title="Failures" note={`latest ${count(shown.length)} of ${count(store.failures)} failed attempts`}>
      {shown.length === 0 ? <Empty>{store.failures === 0 ? "No task has failed." : "No failure matches."}</Empty> : (
        <Table
          label="Latest failures"
          isStacked
          columns={[["Time"], ["Task"], ["Reason"], ["Attempt", "n"], ["Worker"], ["Message"]]}
        >
          {shown.map(({ at, attempt, group, id, message, reason, task, worker }) => (
            <Pick key={id} choose={() => pickFailure(group)}>
              <td class="mut inline">{time(store.startedAt + at)}</td>
              <td class="inline">{line(task)}</td>
              <td class="inline"><span class="tag bad">{reason}</span></td>
              <td class="n inline hide-small">{attempt}</td>
              <td class="mut inline">{line(worker)}</td>
              <td class="msg">{line(message)}</td>
            </Pick>
          ))}
        </Table>
      )}
    </Panel>
  )
}

const Groups = (props: {
  readonly groups: ReadonlyArray<FailureGroup>
  readonly store: Store
  readonly picked: FailureGroup | undefined
  readonly pick: (id: number) => void
}) => {
  const { groups, pick, picked, store } = props
  const done = store.totals.succeeded + store.totals.failed
  const others = store.ungrouped === 0 ? "" : ` · ${count(store.ungrouped)} attempts are in no row`
  return (
    <Panel
      title="Failures by cause"
      note={`${count(store.failures)} failed attempts, ${count(done)} tasks in all · a row for each task, reason, error and place in the code${others}`}
    >
      {groups.length === 0 ? <Empty>{store.failures === 0 ? "No task has failed." : "No failure matches."}</Empty> : (
        <Table
          label="Failures by cause"
          isStacked
          columns={[["Attempts", "n"], ["Latest"], ["Task"], ["Reason"], ["Worker"], ["Latest message"]]}
        >
          {groups.map(({ count: n, id, last, reason, sample, task }) => (
            <Pick key={id} isChosen={id === picked?.id} choose={() => pick(id)}>
              <td class="n inline x">{count(n)}</td>
              <td class="mut inline">{time(store.startedAt + last)}</td>
              <td class="inline">{line(task)}</td>
              <td class="inline"><span class="tag bad">{reason}</span></td>
              <td class="mut inline">{line(sample.worker)}</td>
              <td class="msg">{line(sample.message)}</td>
            </Pick>
          ))}
        </Table>
      )}
    </Panel>
  )
}

export type LoadFailure = (id: number) => Promise<Failure | undefined>

const Detail = ({ failure, group, startedAt }: {
  readonly failure: FailureSummary | Failure
  readonly group: FailureGroup
  readonly startedAt: number
}) => {
  const [copied, setCopied] = useState(false)
  const details = "trace" in failure ? failure : undefined
  const copy = (): void => {
    void navigator.clipboard.writeText(JSON.stringify(failure, undefined, 2)).then(() => {
      setCopied(true)
      setTimeout(() => setCopied(false), 2000)
    })
  }
  return (
    <Panel
      title={`${line(failure.task)} #${count(failure.index)} · ${failure.reason}`}
      right={<button type="button" class="btn" onClick={copy}>{copied ? "Copied" : "Copy as JSON"}</button>}
    >
      <dl class="kv">
        <dt>Message</dt>
        <dd>{sanitizeLines(details?.text ?? failure.message)}</dd>
        {failure.error === null ? null : <><dt>Error</dt><dd>{line(failure.error)}</dd></>}
        {group.place === null ? null : <><dt>Place</dt><dd><code>{line(group.place)}</code></dd></>}
        {details?.span ? <><dt>Span</dt><dd><code>{details.span.traceId} / {details.span.spanId}</code></dd></> : null}
        <dt>Attempts</dt>
        <dd>
          {[...(details?.attempts ?? []), failure].map(({ at, attempt, message, reason, worker }, i) => (
            <div key={i}>
              {attempt} on {line(worker)} <span class="mut">{time(startedAt + at)}</span>{" "}
              <span class="tag bad">{reason}</span> {at < failure.at ? line(message) : ""}
            </div>
          ))}
        </dd>
        <dt>Payload</dt>
        {details?.payload
          ? <dd><code>{sanitizeLines(details.payload)}</code></dd>
          : <dd class="mut">{details === undefined ? "not kept" : "not recorded · the flag --show-payloads or the option payloads records it"}</dd>}
        <dt>Run it again</dt>
        <dd>
          <code>papyros replay HANDLERS FILE --only {failure.index}</code>{" "}
          <span class="mut">FILE is that of papyros run --failures or of Failures.keep</span>
        </dd>
      </dl>
      {details === undefined || details.trace === "" ? null : <pre tabIndex={0}>{sanitizeLines(details.trace)}</pre>}
    </Panel>
  )
}

export const Failures = (
  props: ViewProps & { readonly picked: number | undefined; readonly load: LoadFailure }
) => {
  const { filter, load, pickFailure, store } = props
  const groups = store.groups
    .filter(({ place, reason, sample, task }) => matches(filter, task, reason, sample.worker, sample.message, place))
    .toSorted((a, b) => b.last - a.last)
  const picked = groups.find(({ id }) => id === props.picked) ?? groups[0]
  const [loaded, setLoaded] = useState<Failure | undefined>(undefined)
  const [chosen, setChosen] = useState<number | undefined>(undefined)
  const ofGroup = picked === undefined ? [] : store.latestFailures.filter(({ group }) => group === picked.id)
  const shown = ofGroup.find(({ id }) => id === chosen) ?? picked?.sample
  useEffect(() => {
    if (shown === undefined) return
    let isCurrent = true
    void load(shown.id).then((failure) => {
      if (isCurrent) setLoaded(failure)
    })
    return () => {
      isCurrent = false
    }
  }, [shown?.id])
  return (
    <>
      <Groups groups={groups} store={store} picked={picked} pick={pickFailure} />
      {picked === undefined || shown === undefined ? null : (
        <div class="detail">
          <Detail failure={loaded?.id === shown.id ? loaded : shown} group={picked} startedAt={store.startedAt} />
          <Panel title="Failed attempts of this row" note={`latest ${count(ofGroup.length)} of ${count(picked.count)}`}>
            {ofGroup.length === 0 ? <Empty>The list of the latest failures does not reach back so far.</Empty> : (
              <Table
                label="Failed attempts of this row"
                columns={[["Time"], ["Task", "n"], ["Attempt", "n"], ["Worker"]]}
              >
                {ofGroup.slice(0, 50).map(({ at, attempt, id, index, worker }) => (
                  <Pick key={id} isChosen={id === shown.id} choose={() => setChosen(id)}>
                    <td class="mut">{time(store.startedAt + at)}</td>
                    <td class="n">#{count(index)}</td>
                    <td class="n">{attempt}</td>
                    <td class="mut">{line(worker)}</td>
                  </Pick>
                ))}
              </Table>
            )}
          </Panel>
        </div>
      )}
    </>
  )
}
