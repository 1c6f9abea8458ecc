/** Tasks of one type that a worker ran one after the other. Times are milliseconds of the recording. */
export interface Segment {
  readonly type: number
  readonly from: number
  /** `Infinity`: it runs. */
  readonly to: number
  readonly tasks: number
  readonly failed: number
  /** The share of its time in which handlers ran. */
  readonly busy: number
}
