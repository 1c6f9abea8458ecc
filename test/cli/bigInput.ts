// Streams gigabytes through `papyros run` and prints the memory it holds: `node test/cli/bigInput.ts [GB] [LINE]`,
// with lines of LINE bytes (1000 if it is left out). Run by hand; it takes a minute for each few gigabytes.
import { execFileSync, spawn } from "node:child_process"
import { once } from "node:events"
import { fileURLToPath } from "node:url"

const [mode, ...rest] = process.argv.slice(2)
const [gigabytes, length] = (mode === "generate" ? rest : process.argv.slice(2)).map(Number)
const total = (gigabytes ?? 5) * 1e9
const width = length ?? 1000

const generate = async () => {
  const text = "x".repeat(width)
  const lines = Math.max(1, Math.floor(65_536 / width))
  let id = 0
  for (let written = 0; written < total;) {
    let block = ""
    for (let i = 0; i < lines; i++) block += `{"id":${id++},"text":"${text}"}\n`
    written += block.length
    if (!process.stdout.write(block)) await once(process.stdout, "drain")
  }
  process.stderr.write(`${id}\n`)
}

const residentMegabytes = (pid: number): number =>
  Math.round(Number(execFileSync("ps", ["-o", "rss=", "-p", String(pid)], { encoding: "utf8" })) / 1000)

const measure = async () => {
  const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url))
  const source = spawn(process.execPath, [path("bigInput.ts"), "generate", String(total / 1e9), String(width)], {
    stdio: ["ignore", "pipe", "pipe"]
  })
  const command = spawn(
    process.execPath,
    ["--conditions=papyros-source", path("../../src/bin.ts"), "run", path("fixtures/handlers.ts"), "Measure"],
    { stdio: [source.stdout, "pipe", "inherit"] }
  )
  source.stdout.destroy()
  let generated = ""
  source.stderr.on("data", (data) => generated += data)
  let bytes = 0
  let lines = 0
  command.stdout.on("data", (data: Buffer) => {
    bytes += data.length
    for (let at = data.indexOf(10); at !== -1; at = data.indexOf(10, at + 1)) lines++
  })
  const samples: Array<number> = []
  const sampler = setInterval(() => {
    if (command.exitCode !== null) return
    const resident = residentMegabytes(command.pid!)
    samples.push(resident)
    console.log(`${samples.length * 2} s: ${lines} outcomes, ${Math.round(bytes / 1e6)} MB, ${resident} MB resident`)
  }, 2000)
  const [code] = await once(command, "exit")
  clearInterval(sampler)
  if (!command.stdout.readableEnded) await once(command.stdout, "end")
  const warm = samples.slice(Math.ceil(samples.length / 10))
  console.log(`exit code ${code}, ${Number(generated)} payloads in, ${lines} outcomes out`)
  console.log(`resident after the first tenth: ${Math.min(...warm)} to ${Math.max(...warm)} MB`)
  process.exitCode = code === 0 && lines === Number(generated) ? 0 : 1
}

await (mode === "generate" ? generate() : measure())
