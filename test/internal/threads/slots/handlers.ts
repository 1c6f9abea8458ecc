import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import { Tasks } from "./tasks.ts"

interface Meeting {
  come: number
  readonly all: Deferred.Deferred<void>
}

const meetings = new Map<string, Meeting>()

const meetingOf = (name: string): Meeting => {
  let meeting = meetings.get(name)
  if (meeting === undefined) meetings.set(name, meeting = { come: 0, all: Deferred.makeUnsafe() })
  return meeting
}

export default Tasks.toLayer({
  Meet: ({ count, meeting: name, millis }) =>
    Effect.suspend(() => {
      const until = performance.now() + millis
      while (performance.now() < until);
      const meeting = meetingOf(name)
      return ++meeting.come < count ? Deferred.await(meeting.all) : Deferred.succeed(meeting.all, undefined)
    }),
  Nap: ({ millis }) => Effect.sleep(millis)
})
