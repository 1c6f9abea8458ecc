/**
 * The recorder suite: the CPU time that a recording costs, with chunks of the usual size and of one task.
 *
 *     node --conditions=papyros-source benchmark/recorder/main.ts [--processes N] [--against DIRECTORY] [CASE...]
 *
 * The cases are `fiber`, `fiber-1`, `pool` and `pool-1`. The variants are without a recording, with one, with one that
 * is viewed, and, with `--against`, without a recording in another checkout of papyros, which must have this folder. Each
 * variant runs in processes of its own, which alternate: variants in one process would share compiled code. The figures
 * are nanoseconds of a task; the ratios compare with the first variant.
 */
import { spawnSync } from "node:child_process"
import { resolve } from "node:path"
import { parseArgs } from "node:util"

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    processes: { type: "string", default: "5" },
    rounds: { type: "string", default: "8" },
    against: { type: "string" }
  }
})

interface Variant {
  readonly name: string
  readonly directory: string
  readonly recording: string
}

const here = resolve(import.meta.dirname, "../..")
const variants: ReadonlyArray<Variant> = [
  ...(values.against === undefined ? [] : [{ name: "other", directory: resolve(values.against), recording: "off" }]),
  ...["off", "on", "viewed"].map((recording) => ({ name: recording, directory: here, recording }))
]

/** The CPU times of a task: of the main thread, and of the process. */
type Times = ReadonlyArray<readonly [main: number, all: number]>

const run = (name: string, { directory, recording }: Variant): Times => {
  const { status, stdout } = spawnSync(
    process.execPath,
    ["--conditions=papyros-source", "benchmark/recorder/program.ts", name, recording, values.rounds],
    { cwd: directory, encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] }
  )
  if (status !== 0) throw new Error(`${name}, ${recording}: exit code ${status}`)
  return JSON.parse(stdout)
}

const median = (sorted: ReadonlyArray<number>): number => sorted[sorted.length >> 1]

for (const name of positionals.length === 0 ? ["fiber", "fiber-1", "pool", "pool-1"] : positionals) {
  const times = variants.map((): Array<Times[number]> => [])
  for (let n = 0; n < Number(values.processes); n++) {
    for (let i = 0; i < variants.length; i++) {
      // Another one begins each time, so that none is always the first.
      const at = (n + i) % variants.length
      times[at].push(...run(name, variants[at]))
    }
  }
  console.log(`${name}: CPU of the main thread, and of the process, ns a task`)
  const sorted = times.map((times) => [0, 1].map((part) => times.map((time) => time[part]).sort((a, b) => a - b)))
  sorted.forEach((parts, at) => {
    const figures = parts.map((all, part) => {
      const least = all[0] / sorted[0][part][0]
      const middle = median(all) / median(sorted[0][part])
      return `least ${all[0].toFixed(0).padStart(5)} (${least.toFixed(3)}), median ${
        median(all).toFixed(0).padStart(5)
      } (${middle.toFixed(3)})`
    })
    console.log(`  ${variants[at].name.padEnd(7)} ${figures.join(" | ")}`)
  })
}
