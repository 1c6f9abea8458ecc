/**
 * The page, as one HTML file. A dashboard sends it without data, and a report has its data inside.
 *
 * Must stay true: the policy allows this script and this style only. Data is base64, which cannot end its element.
 */
import * as Effect from "effect/Effect"
import { createHash } from "node:crypto"

export interface Page {
  /** The Content-Security-Policy. A report may connect nowhere. */
  readonly policy: (connect: "'self'" | "'none'") => string
  readonly html: (options: { readonly title: string; readonly policy?: string; readonly data?: string }) => string
}

const escape = (text: string): string => text.replace(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`)

const hash = (text: string): string => `'sha256-${createHash("sha256").update(text).digest("base64")}'`

/** Loads the page when it is first needed: a program without viewers never reads it. */
export const load: Effect.Effect<Page> = Effect.promise(async () => {
  const { script, style } = await import("#page")
  const hashes = { script: hash(script), style: hash(style) }
  return {
    policy: (connect) =>
      [
        "default-src 'none'",
        `script-src ${hashes.script}`,
        `style-src ${hashes.style}`,
        `connect-src ${connect}`,
        "img-src data:",
        "base-uri 'none'",
        "form-action 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types 'none'"
      ].join("; "),
    html: ({ data, policy, title }) =>
      [
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">",
        policy === undefined ? "" : `<meta http-equiv="Content-Security-Policy" content="${policy}">`,
        "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><link rel=\"icon\" href=\"data:,\">",
        `<title>${escape(title)}</title><style>${style}</style></head><body><div id="app"></div>`,
        data === undefined ? "" : `<script type="application/octet-stream" id="data">${data}</script>`,
        `<script>${script}</script></body></html>`
      ].join("")
  }
})
