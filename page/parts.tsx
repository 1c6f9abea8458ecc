/** Small parts that several views have. */
import type { ComponentChildren, RefObject } from "preact"
import { useEffect, useLayoutEffect, useRef } from "preact/hooks"
import { colourOf } from "./charts/canvas.ts"

export const Dot = ({ type }: { readonly type: number }) => (
  <i class="dot" style={{ background: `var(--c${colourOf(type)})` }} aria-hidden="true" />
)

export const Panel = (props: {
  readonly title: string
  readonly note?: string | undefined
  readonly legend?: ComponentChildren
  readonly right?: ComponentChildren
  readonly children: ComponentChildren
}) => (
  <section class="panel" aria-label={props.title}>
    <div class="head">
      <h2>{props.title}</h2>
      {props.legend}
      {props.note === undefined ? null : <span class="note">{props.note}</span>}
      {props.right === undefined ? null : <div class="right">{props.right}</div>}
    </div>
    {props.children}
  </section>
)

/**
 * A table that scrolls sideways where it is too wide. Its region can be reached by keyboard, to scroll it. `isStacked`: on
 * small screens, the cells of a row are above each other.
 */
export const Table = (props: {
  readonly label: string
  readonly isStacked?: boolean
  readonly isList?: boolean
  /** The names of the columns, with their classes. */
  readonly columns: ReadonlyArray<readonly [name: string, style?: string]>
  readonly children: ComponentChildren
}) => (
  <div class={props.isList ? "scroll list" : "scroll"} tabIndex={0} role="region" aria-label={`${props.label}, table`}>
    <table class={props.isStacked ? "stack" : undefined}>
      <thead>
        <tr>{props.columns.map(([name, style]) => <th key={name} class={style}>{name}</th>)}</tr>
      </thead>
      <tbody>{props.children}</tbody>
    </table>
  </div>
)

/** A row of a table that can be chosen. */
export const Pick = (props: {
  readonly isChosen?: boolean
  readonly choose: () => void
  readonly children: ComponentChildren
}) => (
  <tr
    class="pick"
    tabIndex={0}
    aria-selected={props.isChosen}
    onClick={props.choose}
    onKeyDown={(event) => {
      if (event.key !== "Enter" && event.key !== " ") return
      event.preventDefault()
      props.choose()
    }}
  >
    {props.children}
  </tr>
)

export const Meter = (
  { colour = "var(--accent)", share, small = false }: {
    readonly share: number
    readonly colour?: string
    readonly small?: boolean
  }
) => (
  <span class={small ? "meter s" : "meter"} aria-hidden="true">
    <i style={{ width: `${Math.min(100, 100 * share)}%`, background: colour }} />
  </span>
)

export const Empty = ({ children }: { readonly children: ComponentChildren }) => <p class="empty">{children}</p>

/** Buttons of which one is pressed. */
export const Choice = <A extends string | number>(props: {
  readonly label: string
  readonly options: ReadonlyArray<{ readonly value: A; readonly name: string }>
  readonly value: A
  readonly onChange: (value: A) => void
}) => (
  <div class="seg" role="group" aria-label={props.label}>
    {props.options.map(({ name, value }) => (
      <button key={value} type="button" aria-pressed={value === props.value} onClick={() => props.onChange(value)}>
        {name}
      </button>
    ))}
  </div>
)

/** Calls a function when an element changes its size. */
export const useResize = (ref: RefObject<HTMLElement | null>, onResize: () => void): void =>
  useEffect(() => {
    // It is called once more after the element has left the page.
    const observer = new ResizeObserver(() => ref.current === null ? undefined : onResize())
    observer.observe(ref.current!)
    return () => observer.disconnect()
  }, [])

/** A canvas that is drawn when its size or one of the inputs changes; without inputs, with each update. */
export const Chart = (props: {
  readonly class: string
  readonly label: string
  readonly draw: (canvas: HTMLCanvasElement) => void
  readonly theme: string
  readonly inputs?: ReadonlyArray<unknown>
  readonly id?: string
  readonly height?: number
}) => {
  const ref = useRef<HTMLCanvasElement>(null)
  const draw = useRef(props.draw)
  draw.current = props.draw
  useLayoutEffect(() => draw.current(ref.current!), props.inputs)
  useResize(ref, () => draw.current(ref.current!))
  return (
    <canvas
      ref={ref}
      id={props.id}
      class={props.class}
      style={props.height === undefined ? undefined : { height: `${props.height}px` }}
      role="img"
      aria-label={props.label}
      data-theme={props.theme}
    />
  )
}
