/** The sum of a column: next to no work, on payloads with many structs. */
export interface Row {
  readonly quantity: number
  readonly name: string
  readonly inStock: boolean
  readonly price: number
}

export interface Table {
  readonly id: number
  readonly kind: string
  readonly rows: ReadonlyArray<Row>
}

export const sum = ({ rows }: Table): number => {
  let total = 0
  for (const { quantity } of rows) total += quantity
  return total
}
