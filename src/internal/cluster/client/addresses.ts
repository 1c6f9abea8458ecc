/**
 * The ids of the entity by which a client reaches runners, one for each shard, and the runner that was last found behind
 * each of them.
 *
 * Must stay true: the runners behind the ids are only a guess, which each answer confirms or corrects. A runner that has
 * a shard is found after a limited time, however the engine moves shards.
 */

/** The last answer of a runner. */
export interface Found<Offer> {
  readonly incarnation: string
  readonly offer: Offer
}

/** More shards are not looked for: a runner would have to have only some of the others. */
const MAX_SHARDS = 4096

/** Ids that are tried without a new shard, for each known shard, before all shards count as known. */
const TRIES = 12

/** One id for each shard, as far as they can be found: the number of shards is not public. */
export const idsByShard = (shardOf: (id: string) => string): ReadonlyArray<string> => {
  const ids = new Map<string, string>()
  let since = 0
  for (let n = 0; since < TRIES * (ids.size + 1) && ids.size < MAX_SHARDS; n++) {
    const id = `${n}`
    const shard = shardOf(id)
    since++
    if (ids.has(shard)) continue
    ids.set(shard, id)
    since = 0
  }
  return Array.from(ids.values())
}

interface Runner<Offer> extends Found<Offer> {
  /** The first one is used next. */
  readonly ids: Set<string>
  offer: Offer
}

export class Addresses<Offer> {
  readonly ids: ReadonlyArray<string>
  private readonly byId = new Map<string, Runner<Offer>>()
  private readonly byIncarnation = new Map<string, Runner<Offer>>()
  /** Increases with each runner that is found or lost. */
  version = 0

  constructor(ids: ReadonlyArray<string>) {
    this.ids = ids
  }

  /** The runners that were found. */
  get runners(): ReadonlyArray<Found<Offer>> {
    return Array.from(this.byIncarnation.values())
  }

  get(incarnation: string): Found<Offer> | undefined {
    return this.byIncarnation.get(incarnation)
  }

  /** An id by which the runner was last found. */
  idOf(incarnation: string): string | undefined {
    const [id] = this.byIncarnation.get(incarnation)?.ids ?? []
    return id
  }

  /** A runner was found behind the id. */
  set(id: string, { incarnation, offer }: Found<Offer>): void {
    if (this.byId.get(id)?.incarnation !== incarnation) this.remove(id)
    if (!this.byIncarnation.has(incarnation)) this.version++
    const runner = this.byIncarnation.get(incarnation) ?? { incarnation, offer, ids: new Set() }
    runner.offer = offer
    runner.ids.add(id)
    this.byId.set(id, runner)
    this.byIncarnation.set(incarnation, runner)
  }

  /** Nothing is known about the id any more. With an incarnation, only if that was the runner behind it. */
  remove(id: string, incarnation?: string): void {
    const runner = this.byId.get(id)
    if (runner === undefined || (incarnation !== undefined && runner.incarnation !== incarnation)) return
    this.byId.delete(id)
    runner.ids.delete(id)
    if (runner.ids.size > 0) return
    this.byIncarnation.delete(runner.incarnation)
    this.version++
  }

  /** Nothing is known about the ids of the runner any more. */
  forget(incarnation: string): void {
    for (const id of this.byIncarnation.get(incarnation)?.ids ?? []) this.remove(id)
  }

  /**
   * The id did not answer: the others of its runner are used before it is used again. Returns whether there are others.
   */
  suspect(id: string): boolean {
    const ids = this.byId.get(id)?.ids
    if (ids?.delete(id) === true) ids.add(id)
    return ids !== undefined && ids.size > 1
  }
}
