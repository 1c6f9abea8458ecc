/** The changes that the advice at the end of `papyros run`, and on its page, names: flags of the command. */
import type { Remedies } from "../internal/recorder/advice.ts"

export const remedies: Remedies = {
  fiber: "`--dispatcher fiber`",
  pool: "`--dispatcher pool`",
  slots: (count) => `\`--dispatcher fiber\`, or some ${count} threads by \`--concurrency\`,`,
  input: "Input that is ready sooner, such as a file instead of a pipe,",
  consumer: "Output that is taken faster, such as a file instead of a pipe,",
  order: "Leaving out `--ordered`",
  autoChunks: "`--chunk-size auto`"
}
