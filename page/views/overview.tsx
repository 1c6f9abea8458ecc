/** Everything at a glance. */
import type { ViewProps } from "./context.ts"
import { LatestFailures } from "./failures.tsx"
import { RunTimesChart, TaskTable, ThroughputChart } from "./tasks.tsx"
import { TaskStream } from "./taskStream.tsx"
import { Budget, ReportTotals, Totals } from "./totals.tsx"
import { WorkerTable } from "./workers.tsx"

export const Overview = (props: ViewProps) => (
  <>
    {props.isReport ? <ReportTotals store={props.store} /> : <Totals store={props.store} />}
    <Budget store={props.store} isReport={props.isReport} />
    <TaskStream {...props} />
    <div class="cols">
      <ThroughputChart {...props} />
      <RunTimesChart {...props} />
      <TaskTable {...props} />
    </div>
    <div class="cols2">
      <WorkerTable {...props} most={16} />
      <LatestFailures {...props} />
    </div>
  </>
)
