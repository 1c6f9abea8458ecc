/** Payloads of text: Markdown, CSV and JSON. */
import { Random } from "./random.ts"

/** Blocks of Markdown in turn, so that a page has every construct in the same proportions. */
const blocks: ReadonlyArray<(random: Random) => string> = [
  (random) => `## ${random.words(4)}`,
  (random) =>
    `${random.words(40)} **${random.words(3)}** ${random.words(20)} \`${random.words(1)}\` ${random.words(25)}.`,
  (random) =>
    Array.from({ length: 5 }, () => `- ${random.words(8)} [${random.words(2)}](https://example.com)`).join("\n"),
  (random) => `${random.words(30)} *${random.words(4)}* ${random.words(30)}\n${random.words(12)}.`,
  (random) => `\`\`\`ts\nconst sum = (a: number) => a + ${random.below(1000)}\n// ${random.words(8)}\n\`\`\``,
  (random) => `> ${random.words(25)}`,
  (random) =>
    [
      "| name | value |",
      "| --- | --- |",
      ...Array.from({ length: 5 }, () => `| ${random.words(2)} | ${random.below(100)} |`)
    ]
      .join("\n"),
  (random) => Array.from({ length: 4 }, (_, i) => `${i + 1}. ${random.words(10)}`).join("\n")
]

/** A page of Markdown of about `size` characters. */
export const markdown = (seed: number, size: number): string => {
  const random = new Random(seed)
  const parts = [`# Page ${seed}`]
  for (let length = 0, i = 0; length < size; i++) {
    const block = blocks[i % blocks.length](random)
    parts.push(block)
    length += block.length + 2
  }
  return `${parts.join("\n\n")}\n`
}

/** A header and `rows` rows, without quotes. */
export const csv = (seed: number, rows: number): string => {
  const random = new Random(seed)
  const lines = Array.from(
    { length: rows },
    (_, i) => `${seed * rows + i},${random.words(4)},${random.below(10_000) / 4},${random.below(2) === 0}`
  )
  return `id,name,price,inStock\n${lines.join("\n")}\n`
}

/** Orders of five items. Prices are binary fractions, so that sums of them are exact. */
export const orders = (seed: number, count: number) => {
  const random = new Random(seed)
  return {
    orders: Array.from({ length: count }, (_, i) => ({
      id: seed * count + i,
      customer: { name: random.words(2), city: random.words(1), newsletter: random.below(2) === 0 },
      items: Array.from({ length: 5 }, () => ({
        name: random.words(3),
        quantity: 1 + random.below(9),
        price: random.below(4000) / 4
      }))
    }))
  }
}
