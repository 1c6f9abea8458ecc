/** Segments one by one, as rows of the columns of a snapshot or a frame. */
import type * as Model from "./model.ts"

export type Segment = { readonly [Column in keyof Model.Segments]: number }

const SEGMENT_COLUMNS = ["worker", "row", "type", "from", "to", "tasks", "failed", "busy"] as const

/** The segment at an index. */
export const rowOf = (segments: Model.Segments, at: number): Segment =>
  Object.fromEntries(SEGMENT_COLUMNS.map((column) => [column, segments[column][at]])) as Segment

export const columnsOf = (segments: ReadonlyArray<Segment>): Model.Segments =>
  Object.fromEntries(
    SEGMENT_COLUMNS.map((column) => [column, segments.map((segment) => segment[column])])
  ) as unknown as Model.Segments
