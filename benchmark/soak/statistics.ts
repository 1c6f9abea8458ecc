/** The slope of a series, by least squares, with the interval that contains it with a probability of 95 %. */

export interface Slope {
  readonly slope: number
  readonly low: number
  readonly high: number
}

/** Quantiles 0.975 of Student's t distribution for 1 to 9 degrees of freedom: NIST, e-Handbook, 1.3.6.7.2. */
const T = [12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262]

/** The quantile 0.975 of the standard normal distribution. */
const Z = 1.959964

/** The quantile 0.975 of Student's t distribution. From 10 degrees on, the series of Abramowitz and Stegun, 26.7.5. */
export const studentT = (degrees: number): number =>
  degrees <= T.length ? T[degrees - 1] : Z +
    (Z ** 3 + Z) / (4 * degrees) +
    (5 * Z ** 5 + 16 * Z ** 3 + 3 * Z) / (96 * degrees ** 2) +
    (3 * Z ** 7 + 19 * Z ** 5 + 17 * Z ** 3 - 15 * Z) / (384 * degrees ** 3)

/** The slope of points at different `x`. Fewer than three points leave no degree of freedom: `undefined`. */
export const slopeOf = (points: ReadonlyArray<readonly [x: number, y: number]>): Slope | undefined => {
  const degrees = points.length - 2
  if (degrees < 1) return undefined
  const meanX = points.reduce((sum, [x]) => sum + x, 0) / points.length
  const meanY = points.reduce((sum, [, y]) => sum + y, 0) / points.length
  let xx = 0
  let xy = 0
  for (const [x, y] of points) {
    xx += (x - meanX) ** 2
    xy += (x - meanX) * (y - meanY)
  }
  const slope = xy / xx
  const residuals = points.reduce((sum, [x, y]) => sum + (y - meanY - slope * (x - meanX)) ** 2, 0)
  const margin = studentT(degrees) * Math.sqrt(residuals / degrees / xx)
  return { slope, low: slope - margin, high: slope + margin }
}
