/** The page: checksums of the files that the user chooses, computed in Web Workers, with a progress bar. */
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import * as Result from "effect/Result"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import * as Dispatcher from "papyros/Dispatcher"
import * as Progress from "papyros/Progress"
import * as WorkerPoolDispatcher from "papyros/WorkerPoolDispatcher"
import type { Bar, FileInput, Page, PageElement } from "./dom.ts"
import { Checksum, Tasks } from "./tasks.ts"

declare const document: Page

const find = <A extends PageElement>(id: string): A => document.getElementById(id) as A

const pool = WorkerPoolDispatcher.layer(Tasks, { thread: new URL("./thread.js", import.meta.url) })

/** Draws the progress of a stream while it runs, and once more at its end. */
const bar: Progress.Display = {
  show: (progress) => {
    const draw = Effect.sync(() => {
      const element = find<Bar>("progress")
      element.max = progress.total ?? progress.done
      element.value = progress.done
      find("count").textContent = `${progress.done} of ${progress.total}`
    })
    return Effect.andThen(
      Effect.addFinalizer(() => draw),
      Effect.asVoid(Effect.forkScoped(Effect.repeat(draw, Schedule.spaced("50 millis"))))
    )
  }
}

const addRow = (cells: ReadonlyArray<string>): void => {
  const row = document.createElement("tr")
  for (const cell of cells) {
    const element = document.createElement("td")
    element.textContent = cell
    row.append(element)
  }
  find("rows").append(row)
}

const checksums = Effect.fnUntraced(function*({ files }: FileInput) {
  find("rows").replaceChildren()
  find("total").textContent = ""
  const outcomes = Stream.fromIterable(files).pipe(
    Stream.mapEffect((file) =>
      Effect.map(
        Effect.promise(() => file.arrayBuffer()),
        (content) => new Checksum({ name: file.name, content: new Uint8Array(content) })
      )
    ),
    Dispatcher.results({ ordered: true, bufferSize: 16 }),
    Progress.track({ total: files.length })
  )
  const bytes = yield* Stream.runFold(outcomes, () => 0, (total, { result, task }) =>
    Result.match(result, {
      onFailure: (failure) => {
        addRow(["", "", failure.message, task.name])
        return total
      },
      onSuccess: ({ bytes, lines, sha256 }) => {
        addRow([String(bytes), String(lines), sha256, task.name])
        return total + bytes
      }
    }))
  find("total").textContent = `${files.length} files, ${bytes} bytes`
})

Effect.runFork(Effect.gen(function*() {
  // The user may choose files before the threads are ready.
  const chosen = yield* Queue.unbounded<FileInput>()
  const input = find<FileInput>("files")
  input.onchange = () => Queue.offerUnsafe(chosen, input)
  // One pool for as long as the page is open.
  yield* Stream.fromQueue(chosen).pipe(
    Stream.runForEach(checksums),
    Effect.provideService(Progress.Display, bar),
    Effect.provide(pool)
  )
}))
