/** Totals of orders: in JSON text, which is parsed and written again, and in a JSON value. */
interface Orders {
  readonly orders: ReadonlyArray<{
    readonly items: ReadonlyArray<{ readonly quantity: number; readonly price: number }>
  }>
}

export interface JsonText {
  readonly json: string
}

/** A value that both sides know only as JSON. */
export interface JsonValue {
  readonly value: unknown
}

const withTotals = ({ orders }: Orders) => ({
  orders: orders.map((order) => {
    let total = 0
    for (const { price, quantity } of order.items) total += quantity * price
    return { ...order, total }
  })
})

export const addTotalsToText = ({ json }: JsonText): string => JSON.stringify(withTotals(JSON.parse(json)))

export const addTotals = ({ value }: JsonValue) => withTotals(value as Orders)
