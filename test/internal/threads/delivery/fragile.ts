/** Five rows, the last of which throws after it was read so many times. */
export const fragile = (reads: number): ReadonlyArray<{ readonly a: number }> => {
  let left = reads
  return [
    ...[1, 2, 3, 4].map((a) => ({ a })),
    {
      get a() {
        if (left-- === 0) throw new Error("read too often")
        return 5
      }
    }
  ]
}
