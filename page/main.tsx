/** The entry of the page. A report has its data inside. */
import { render } from "preact"
import { App } from "./app.tsx"
import { LiveRecording, type Recording } from "./recording.ts"
import { ReportRecording } from "./report.ts"

const show = (recording: Recording): void => render(<App recording={recording} />, document.getElementById("app")!)

const data = document.getElementById("data")
if (data === null) show(new LiveRecording())
else void ReportRecording.load(data).then(show)
