/**
 * The URLs of modules and files of the benchmarks. `npm run bench` compiles them into `benchmark/dist` and runs them
 * there, with papyros from `dist`: the processes of users have no type stripper, which costs start and memory in every
 * thread. Tests, and the suites that are programs of their own, run the sources.
 */
import { pathToFileURL } from "node:url"

/** The modules are compiled. */
export const compiled = import.meta.url.endsWith(".js")

/** The URL of a module of the benchmarks, given as the path of its source from the module at `from`. */
export const moduleUrl = (path: string, from: string): URL =>
  new URL(compiled ? path.replace(/\.ts$/, ".js") : path, from)

/** The URL of a file of the repository, which is the working directory. */
export const repositoryUrl = (path: string): URL => new URL(path, pathToFileURL(`${process.cwd()}/`))
