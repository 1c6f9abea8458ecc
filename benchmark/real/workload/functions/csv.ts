/** CSV text to structs: by csv-parse, and by hand for text without quotes. */
import { parse } from "csv-parse/sync"

export interface Csv {
  readonly csv: string
}

export interface Product {
  readonly id: number
  readonly name: string
  readonly price: number
  readonly inStock: boolean
}

const product = ([id, name, price, inStock]: ReadonlyArray<string>): Product => ({
  id: Number(id),
  name,
  price: Number(price),
  inStock: inStock === "true"
})

export const parseCsv = ({ csv }: Csv): ReadonlyArray<Product> => parse(csv, { fromLine: 2 }).map(product)

export const splitCsv = ({ csv }: Csv): ReadonlyArray<Product> =>
  csv.trimEnd().split("\n").slice(1).map((line) => product(line.split(",")))
