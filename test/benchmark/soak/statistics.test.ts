import { assert, describe, it } from "@effect/vitest"
import { slopeOf, studentT } from "../../../benchmark/soak/statistics.ts"

/** NIST, Statistical Reference Datasets, linear regression: Norris. Rows of x and y. */
const norris = [
  [0.2, 0.1],
  [337.4, 338.8],
  [118.2, 118.1],
  [884.6, 888],
  [10.1, 9.2],
  [226.5, 228.1],
  [666.3, 668.5],
  [996.3, 998.5],
  [448.6, 449.1],
  [777, 778.9],
  [558.2, 559.2],
  [0.4, 0.3],
  [0.6, 0.1],
  [775.5, 778.1],
  [666.9, 668.8],
  [338, 339.3],
  [447.5, 448.9],
  [11.6, 10.8],
  [556, 557.7],
  [228.1, 228.3],
  [995.8, 998],
  [887.6, 888.8],
  [120.2, 119.6],
  [0.3, 0.3],
  [0.3, 0.6],
  [556.8, 557.6],
  [339.1, 339.3],
  [887.2, 888],
  [999, 998.5],
  [779, 778.9],
  [11.1, 10.2],
  [118.3, 117.6],
  [229.2, 228.9],
  [669.1, 668.4],
  [448.9, 449.2],
  [0.5, 0.2]
] as const

describe("slopeOf", () => {
  it("agrees with the certified values of NIST", () => {
    const { high, low, slope } = slopeOf(norris)!
    assert.closeTo(slope, 1.00211681802045, 1e-12)
    // The certified standard deviation, times the quantile for 34 degrees of freedom of a published table.
    const margin = 0.000429796848199937 * 2.0322
    assert.closeTo(high, slope + margin, 1e-7)
    assert.closeTo(low, slope - margin, 1e-7)
  })

  it("needs three points", () => {
    assert.isUndefined(slopeOf([]))
    assert.isUndefined(slopeOf([[0, 1], [1, 2]]))
    assert.deepStrictEqual(slopeOf([[0, 1], [1, 3], [2, 5]]), { slope: 2, low: 2, high: 2 })
  })
})

describe("studentT", () => {
  it("agrees with a published table", () => {
    // NIST, e-Handbook, 1.3.6.7.2: the column 0.975.
    const table = [[1, 12.706], [2, 4.303], [5, 2.571], [9, 2.262], [10, 2.228], [15, 2.131], [30, 2.042], [100, 1.984]]
    for (const [degrees, quantile] of table) assert.closeTo(studentT(degrees), quantile, 6e-4, `for ${degrees} degrees`)
  })
})
