/** The libraries by the names of their rows. A process loads only its own. */
import type { Prepare } from "./library.ts"

/** Tasks that piscina may send to a thread ahead, in the row with a prefetch. */
const PREFETCH = 16

export const PAPYROS = "papyros"
/** papyros, the program and its threads in one bundle with `effect`. */
export const BUNDLED = "papyros, bundled"
export const PISCINA = "piscina"
export const NO_POOL = "no pool"

const piscina = (concurrentTasksPerWorker: number) => async (): Promise<Prepare> =>
  (await import("./piscina.ts")).prepareWith(concurrentTasksPerWorker)

const papyros = (bundled: boolean) => async (): Promise<Prepare> => (await import("./papyros.ts")).prepareWith(bundled)

/** Loads a library. */
export const libraries: Readonly<Record<string, () => Promise<Prepare>>> = {
  [PISCINA]: piscina(1),
  [`piscina c=${PREFETCH}`]: piscina(PREFETCH),
  tinypool: async () => (await import("./tinypool.ts")).prepare,
  workerpool: async () => (await import("./workerpool.ts")).prepare,
  [NO_POOL]: async () => (await import("./noPool.ts")).prepare,
  [PAPYROS]: papyros(false),
  [BUNDLED]: papyros(true)
}
