/** Markdown to HTML, by marked. */
import { marked } from "marked"

export interface Page {
  readonly markdown: string
}

export const render = ({ markdown }: Page): string => marked.parse(markdown, { async: false })
