/**
 * Receives the telemetry of one thread and replays it. A record counts as in flight until its destination has
 * accepted it: for printed text, until the stream of the process has. So a slow destination slows down the thread's
 * telemetry, and never fills the memory of the main thread.
 */
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type { SharedState } from "../protocol/sharedState.ts"
import type { SeriesUpdate, TelemetryRecord } from "../protocol/telemetry.ts"
import { MetricReplay } from "./metricReplay.ts"
import * as Replay from "./telemetryReplay.ts"

export class TelemetryReceiver {
  private readonly thread: string
  private readonly context: Context.Context<never>
  private readonly sharedState: Pick<SharedState, "releaseTelemetry">
  private readonly log: (effect: Effect.Effect<void>) => void
  private readonly onCapacity: () => void
  private readonly metrics: MetricReplay

  /**
   * @param log runs a log effect with the loggers of the context
   * @param onCapacity tells the thread that it can send telemetry that it withheld
   */
  constructor(
    thread: string,
    context: Context.Context<never>,
    sharedState: Pick<SharedState, "releaseTelemetry">,
    log: (effect: Effect.Effect<void>) => void,
    onCapacity: () => void
  ) {
    this.thread = thread
    this.context = context
    this.sharedState = sharedState
    this.log = log
    this.onCapacity = onCapacity
    this.metrics = new MetricReplay(context)
  }

  receive(records: ReadonlyArray<TelemetryRecord>, dropped: number): void {
    if (dropped > 0) {
      this.log(Effect.logWarning(`${this.thread} logged and printed too fast: ${dropped} entries were dropped`))
    }
    for (const record of records) this.replay(record)
  }

  update(updates: ReadonlyArray<SeriesUpdate>): void {
    updates.forEach(this.metrics.apply)
  }

  private replay(record: TelemetryRecord): void {
    switch (record[0]) {
      case "log":
        this.log(Replay.log(record[1]))
        return this.replayed()
      case "span":
        Replay.replaySpan(record[1], this.context)
        return this.replayed()
      case "print":
        return Replay.print(record[1], this.replayed)
    }
  }

  private readonly replayed = (): void => {
    if (this.sharedState.releaseTelemetry()) this.onCapacity()
  }
}
