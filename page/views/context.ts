/** What every view is given. */
import type { History } from "../history.ts"
import type { Store } from "../store.ts"

export interface ViewProps {
  readonly store: Store
  /** The time that the view shows: now, or the moment of the pause. */
  readonly now: number
  readonly theme: string
  /** Rows are shown whose names contain this text. */
  readonly filter: string
  /** It is a report: the figures are of the whole run, and nothing changes. */
  readonly isReport: boolean
  readonly show: (view: string) => void
  readonly pickFailure: (group: number) => void
  readonly loadHistory: () => Promise<History | undefined>
}

export const matches = (filter: string, ...texts: ReadonlyArray<string | null>): boolean =>
  filter === "" || texts.some((text) => text !== null && text.toLowerCase().includes(filter.toLowerCase()))
