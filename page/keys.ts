/** The keys of the page, in one place: the list of the help is the list of the handlers. */

export interface Key {
  readonly key: string
  /** Its name in the help, if not the key. */
  readonly label?: string
  readonly about: string
  readonly run: () => void
}

const isTyping = (target: EventTarget | null): boolean =>
  target instanceof HTMLInputElement || target instanceof HTMLTextAreaElement

/** Calls the handler of a key, unless somebody types or another element has a use for the key. */
export const listen = (keys: () => ReadonlyArray<Key>): () => void => {
  const onKey = (event: KeyboardEvent): void => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return
    // An open dialog has keys of its own.
    if (isTyping(event.target) || document.querySelector("dialog[open]") !== null) return
    // Buttons and links are pressed by these. A dialog that was just closed can still have the focus.
    const isOnControl = event.target instanceof HTMLElement && event.target.closest("dialog") === null &&
      event.target.closest("button, a, summary") !== null
    if (isOnControl && (event.key === " " || event.key === "Enter")) return
    const found = keys().find(({ key }) => key === event.key)
    if (found === undefined) return
    event.preventDefault()
    found.run()
  }
  addEventListener("keydown", onKey)
  return () => removeEventListener("keydown", onKey)
}
