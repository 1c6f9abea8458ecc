/** Compiles code from strings, where the process allows it. */

/** A function of the given parameters and body, or `undefined` if the process forbids code from strings. */
export const compileCode = <F>(parameters: ReadonlyArray<string>, body: string): F | undefined => {
  try {
    return new Function(...parameters, body) as F
  } catch {
    return undefined
  }
}
