/** The parts of the DOM that the page uses. A project with the library `DOM` of TypeScript needs none of these types. */

export interface PageElement {
  textContent: string | null
  readonly append: (child: PageElement) => void
  readonly replaceChildren: () => void
}

export interface Bar extends PageElement {
  max: number
  value: number
}

export interface FileInput extends PageElement {
  readonly files: Iterable<PageFile> & { readonly length: number }
  onchange: () => void
}

interface PageFile {
  readonly name: string
  readonly arrayBuffer: () => Promise<ArrayBuffer>
}

export interface Page {
  readonly getElementById: (id: string) => PageElement | null
  readonly createElement: (name: string) => PageElement
}
