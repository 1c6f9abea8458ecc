/**
 * Captures the text that code in a thread prints, and sends it the way of the logs: in order with them, and bounded. The
 * runtime's own way from a thread to the process is neither.
 */
import { thread } from "#platform"
import type { TelemetryBuffer } from "./telemetryBuffer.ts"

export const capture = (telemetry: TelemetryBuffer): void =>
  thread.captureOutput((to, text) => telemetry.add(["print", { to, text }]))
