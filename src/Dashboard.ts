/**
 * Serves a page that shows the tasks of a dispatcher while they run: throughput, run times, workers, failures, and
 * where the time went. Nothing can be changed from the page.
 *
 * The page loads nothing from the internet. Payloads are not shown unless `payloads` is set. The messages of errors are
 * shown, and can hold data.
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
  /** Serves the metrics of the program as Prometheus text at the path `metrics` below the page. Default `false`. */
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
  /** The address to listen on. An address that other hosts can reach needs `token`. Default `"127.0.0.1"`. */
  readonly host?: string | undefined
  /** The port to listen on; 0 for any free one. Default 7428. */
  readonly port?: number | undefined
  /**
   * The secret that opens the page, at least 22 characters. It is in the fragment of `url`, which browsers do not send.
   * Default: none, so that every user of this host can open the page.
   */
  readonly token?: Redacted.Redacted | undefined
  /** The key and the certificate for HTTPS, as PEM. Default: HTTP. */
  readonly tls?: { readonly key: string; readonly cert: string } | undefined
  /**
   * Further host names by which the page is reached, such as that of a proxy; `name:port` if the port is neither that of
   * the dashboard nor 80 or 443. Requests with any other name are refused. Default: none.
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
  /**
   * The address of the page. Of a dashboard that listens on all addresses of this host, it has one of these. Its fragment
   * has the token, if there is one: show it only to people who may see the page.
   */
  readonly url: string
}>()("papyros/Dashboard") {}

/** The recording that the page shows. */
const recordingOf = ({ name, payloads }: PageOptions) => Effect.map(Recording.make({ name, payloads }), viewed)

/**
 * Serves the page of a dispatcher on a port of its own.
 *
 * **Details**
 *
 * The dispatcher is recorded while the Layer is open, which costs a few percent of the CPU time of trivial tasks, and
 * nothing measurable for others. The page gets new figures twice a second. They are computed once for all viewers, and only
 * while there is a viewer. At most 32 viewers are served at a time. The end of the Layer waits at most half a second for
 * viewers.
 *
 * **Gotchas**
 *
 * A handler that keeps the main thread busy holds up the page too. Without `tls`, the token and the figures can be read
 * on the network: if other hosts can reach the dashboard, the log has a warning.
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
 * Use it to serve the page beside other routes, behind the authentication of the program. The routes have no
 * authentication of their own: every client that can reach them can see the page.
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
