/** A store in the memory of the program, for tests: by Effect's clock, and gone with its Layer. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { type Acquired, type PlacedRow, type Row, SILENCE, type Store } from "./store.ts"

interface Run {
  owner: string | null
  seen: number
  readonly openedAt: number
  endedAt: number | null
  expiresAt: number | null
  readonly rows: Map<string, PlacedRow>
}

export const make = (): Store => {
  const runs = new Map<string, Run>()
  let ids = 0
  const now = Effect.map(Clock.Clock, (clock) => clock.currentTimeMillisUnsafe())
  const rowsOf = (run: string): Iterable<PlacedRow> => runs.get(run)?.rows.values() ?? []
  const count = (run: Run, state: Row["state"]) =>
    Array.from(run.rows.values()).filter((row) => row.state === state).length

  return {
    acquire: (name, owner, instead) =>
      Effect.map(now, (now): Acquired => {
        let run = runs.get(name)
        if (run === undefined) {
          run = { owner, seen: now, openedAt: now, endedAt: null, expiresAt: null, rows: new Map() }
          runs.set(name, run)
        }
        const free = run.owner === null || run.owner === owner || run.owner === instead || now - run.seen >= SILENCE
        if (!free) return { acquired: false, owner: run.owner!, seen: run.seen }
        run.owner = owner
        run.seen = now
        run.endedAt = null
        const expired = hasExpired(run, now)
        if (!expired) run.expiresAt = null
        return { acquired: true, empty: run.rows.size === 0, expired }
      }),
    renew: (name, owner) =>
      Effect.map(now, (now) => {
        const run = runs.get(name)
        if (run?.owner !== owner) return false
        run.seen = now
        return true
      }),
    release: (name, owner, end) =>
      Effect.map(now, (now) => {
        const run = runs.get(name)
        if (run?.owner !== owner) return
        run.owner = null
        run.seen = now
        run.endedAt = end === undefined ? null : now
        if (end?.keep !== undefined) run.expiresAt = now + end.keep
      }),
    lookup: (name, keys) =>
      Effect.sync(() => {
        const rows = runs.get(name)?.rows
        return keys.flatMap((key) => rows?.get(key) ?? [])
      }),
    append: (name, owner, rows) =>
      Effect.map(now, (now) => {
        const run = runs.get(name)
        if (run?.owner !== owner) return false
        run.seen = now
        for (const row of rows) {
          if (run.rows.get(row.key)?.state === "succeeded") continue
          run.rows.delete(row.key)
          run.rows.set(row.key, { ...row, id: ++ids })
        }
        return true
      }),
    list: (name, after, limit) =>
      Effect.sync(() => Array.from(rowsOf(name)).filter(({ id }) => id > after).slice(0, limit)),
    runs: Effect.map(now, (now) =>
      Array.from(runs, ([name, run]) => ({
        run: name,
        claimed: count(run, "claimed"),
        succeeded: count(run, "succeeded"),
        failed: count(run, "failed"),
        openedAt: run.openedAt,
        endedAt: run.endedAt,
        expiresAt: run.expiresAt,
        owner: run.owner,
        seenAt: run.seen,
        silentFor: now - run.seen
      })).sort((a, b) => a.run < b.run ? -1 : 1)),
    removeFailures: (name, owner, task) =>
      Effect.map(now, (now) => {
        const run = runs.get(name)
        if (run === undefined) return 0
        if (run.owner !== owner) return undefined
        run.seen = now
        const gone = Array.from(rowsOf(name)).filter((row) =>
          row.state !== "succeeded" && (task === undefined || row.name === task)
        )
        for (const { key } of gone) run.rows.delete(key)
        return gone.length
      }),
    expired: Effect.map(now, (now) => Array.from(runs).filter(([, run]) => hasExpired(run, now)).map(([name]) => name)),
    removeRun: (name, owner, limit) =>
      Effect.map(now, (now) => {
        const run = runs.get(name)
        if (run === undefined) return 0
        if (run.owner !== owner) return undefined
        run.seen = now
        const gone = Array.from(run.rows.keys()).slice(0, limit)
        for (const key of gone) run.rows.delete(key)
        if (gone.length < limit) runs.delete(name)
        return gone.length
      })
  }
}

const hasExpired = ({ expiresAt }: Run, now: number): boolean => expiresAt !== null && expiresAt <= now
