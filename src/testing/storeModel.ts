/** The promises of stores of durable runs: who owns each run, whether it has ended, and its rows in their order. */
import type * as Durable from "../Durable.ts"
import { type Result, rowsOf, type Step } from "./storeSteps.ts"

interface Run {
  readonly owner: string | undefined
  readonly ended: boolean
  /** After how many milliseconds it expires: none, or more than a test takes. */
  readonly keep: number | undefined
  readonly rows: ReadonlyArray<Durable.Row>
}

const hasExpired = (run: Run | undefined): boolean => run?.keep === 0

export class StoreModel {
  private readonly runs: Map<string, Run>

  constructor(runs: Iterable<readonly [string, Run]> = []) {
    this.runs = new Map(runs)
  }

  copy(): StoreModel {
    return new StoreModel(this.runs)
  }

  apply(step: typeof Step.Type): Result {
    const run = this.runs.get(step.run)
    const set = (change: Partial<Run>) => void this.runs.set(step.run, { ...run!, ...change })
    switch (step.do) {
      case "acquire": {
        const free = run?.owner === undefined || run.owner === step.owner || run.owner === step.instead
        if (!free) return run.owner
        const expired = hasExpired(run)
        set({ owner: step.owner, ended: false, keep: expired ? 0 : undefined, rows: run?.rows ?? [] })
        return `${run === undefined || run.rows.length === 0 ? "empty" : "with rows"}${expired ? ", expired" : ""}`
      }
      case "renew":
        return run?.owner === step.owner
      case "release": {
        if (run?.owner !== step.owner) return undefined
        set({ owner: undefined, ended: step.end !== undefined, keep: step.end?.keep ?? run.keep })
        return undefined
      }
      case "append": {
        if (run?.owner !== step.owner) return false
        const rows = rowsOf(step.rows).filter(({ key }) =>
          !run.rows.some((row) => row.key === key && row.state === "succeeded")
        )
        const kept = run.rows.filter(({ key }) => !rows.some((row) => row.key === key))
        set({ rows: [...kept, ...rows] })
        return true
      }
      case "removeFailures": {
        if (run === undefined) return 0
        if (run.owner !== step.owner) return undefined
        const kept = run.rows.filter(({ name, state }) =>
          state === "succeeded" || (step.name !== undefined && name !== step.name)
        )
        set({ rows: kept })
        return run.rows.length - kept.length
      }
      case "removeRun": {
        if (run === undefined) return 0
        if (run.owner !== step.owner) return undefined
        this.runs.delete(step.run)
        return run.rows.length
      }
    }
  }

  /** All that a reader can see. */
  content(): unknown {
    const count = (rows: Run["rows"], state: string) => rows.filter((row) => row.state === state).length
    return Array.from(this.runs, ([run, { ended, keep, owner, rows }]) => ({
      run,
      owner,
      ended,
      expires: keep !== undefined,
      expired: keep === 0,
      counts: ["claimed", "succeeded", "failed"].map((state) => count(rows, state)),
      rows,
      found: rows.filter(({ key }) => key !== "l").map(({ key, outcome, state }) => [key, state, outcome]).sort()
    })).sort((a, b) => a.run < b.run ? -1 : 1)
  }
}
