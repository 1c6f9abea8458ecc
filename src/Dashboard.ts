/**
 * A page that shows the tasks of a dispatcher while they run: throughput, run times, workers, failures, and where the
 * time went. It reads only: nothing can be changed from the page.
 *
 * The page needs no internet. Payloads are not shown unless `payloads` is set; the messages of errors are, and can hold
 * data.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as HttpRouter from "effect/http/HttpRouter"
import * as Layer from "effect/Layer"
import type * as Redacted from "effect/Redacted"
import type { Dispatcher } from "./Dispatcher.ts"
import * as App from "./internal/dashboard/app.ts"
import * as Feed from "./internal/dashboard/feed.ts"
import { type DashboardError, serve } from "./internal/dashboard/serve.ts"
import { viewed } from "./internal/recorder/recording.ts"
import * as Recording from "./Recording.ts"

export {
  /**
   * The dashboard could not start: `CannotListen`, `NeedsToken` or `InvalidTls`.
   *
   * @stability experimental
   * @category errors
   * @since 0.1.0
   */
  DashboardError
} from "./internal/dashboard/serve.ts"

/**
 * The options of `layer` and `routes`.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export interface PageOptions {
  /** The title of the page. Default: the names of the executors. */
  readonly name?: string | undefined
  /** Shows the payloads of failed tasks, at most 2 KiB of each. Default `false`. */
  readonly payloads?: boolean | undefined
  /** Serves the metrics of the program as Prometheus text at `metrics`. Default `false`. */
  readonly metrics?: boolean | undefined
}

/**
 * The options of `layer`.
 *
 * @stability experimental
 * @category models
 * @since 0.1.0
 */
export interface DashboardOptions extends PageOptions {
  /** The address to listen on. Another than a loopback address needs `token`. Default `"127.0.0.1"`. */
  readonly host?: string | undefined
  /** The port to listen on; 0 for any free one. Default 7428. */
  readonly port?: number | undefined
  /**
   * The secret that opens the page, at least 22 characters. It is in the fragment of `url`, which browsers do not send.
   * Default: none. Then every user of this host can look.
   */
  readonly token?: Redacted.Redacted | undefined
  /** The key and the certificate for HTTPS, as PEM. Default: HTTP. */
  readonly tls?: { readonly key: string; readonly cert: string } | undefined
  /**
   * Further host names by which the page is reached, such as that of a proxy; `name:port` if the port is neither that of
   * the dashboard nor 80 or 443. Requests with another name are refused. Default: none.
   */
  readonly hosts?: ReadonlyArray<string> | undefined
}

/**
 * A dashboard that is served.
 *
 * @stability experimental
 * @category services
 * @since 0.1.0
 */
export class Dashboard extends Context.Service<Dashboard, {
  /** The address of the page; if it listens on all addresses, with one of them. Its fragment has the token: show it to those who may look. */
  readonly url: string
}>()("papyros/Dashboard") {}

/** The recording that the page shows. */
const recordingOf = ({ name, payloads }: PageOptions) => Effect.map(Recording.make({ name, payloads }), viewed)

/**
 * Serves the page of a dispatcher on a port of its own.
 *
 * **Details**
 *
 * Recording costs a few percent of the CPU time of trivial tasks, and nothing measurable for others. The page gets new
 * figures twice a second, made once for all viewers, and not made while nobody looks. At most 32 pages are served at a
 * time. The end of the Layer waits at most half a second for viewers.
 *
 * **Gotchas**
 *
 * A handler that keeps the main thread busy holds up the page too. Without `tls`, the token and the figures can be read
 * on the network: the log has a warning if other hosts can reach the dashboard.
 *
 * @stability experimental
 * @category layers
 * @since 0.1.0
 */
export const layer = (options: DashboardOptions = {}): Layer.Layer<Dashboard, DashboardError, Dispatcher> =>
  Layer.effect(
    Dashboard,
    Effect.gen(function*() {
      const { host = "127.0.0.1", port = 7428, ...rest } = options
      const recording = yield* recordingOf(options)
      return { url: yield* serve(recording, { ...rest, host, port }) }
    })
  )

/**
 * Adds the page to an `HttpRouter` of the program.
 *
 * **When to use**
 *
 * Use it to serve the page beside other routes, behind the authentication of the program. The page has none of its own
 * here: whoever reaches the routes can look.
 *
 * **Details**
 *
 * The routes are below `path`: the page itself is at `path` with a slash at its end.
 *
 * @stability experimental
 * @category layers
 * @since 0.1.0
 */
export const routes = (
  options: PageOptions & {
    /** The path below which the routes are. Default `"/papyros"`. */
    readonly path?: `/${string}` | undefined
  } = {}
): Layer.Layer<never, never, Dispatcher | HttpRouter.HttpRouter> =>
  HttpRouter.use(Effect.fnUntraced(function*(router) {
    const recording = yield* recordingOf(options)
    const feed = yield* Feed.make(recording)
    yield* Effect.addFinalizer(() => feed.close)
    const app = yield* App.make({ recording, feed, metrics: options.metrics === true })
    yield* router.prefixed(options.path ?? "/papyros").add("*", "/*", app)
  }))
