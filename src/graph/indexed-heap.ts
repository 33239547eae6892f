/**
 * Owns: a binary heap of small integers (step positions) that also finds a member's place, so that a step can leave it.
 * Order: `rank` first, then the integer itself, so equal ranks come in plan order.
 * Costs: push, pop and remove O(log n); peek and has O(1).
 */
export class IndexedHeap {
  readonly #items: number[] = [];
  readonly #places = new Map<number, number>();
  readonly #rank: (item: number) => number;

  /** `rank` must not change while an item is inside. */
  constructor(rank: (item: number) => number = () => 0) {
    this.#rank = rank;
  }

  get size(): number {
    return this.#items.length;
  }

  has(item: number): boolean {
    return this.#places.has(item);
  }

  peek(): number | undefined {
    return this.#items[0];
  }

  push(item: number): void {
    if (this.#places.has(item)) return;
    this.#items.push(item);
    this.#places.set(item, this.#items.length - 1);
    this.#rise(this.#items.length - 1);
  }

  remove(item: number): boolean {
    const place = this.#places.get(item);
    if (place === undefined) return false;
    const last = this.#items.pop();
    this.#places.delete(item);
    if (last !== undefined && last !== item) {
      this.#put(place, last);
      this.#sink(place);
      this.#rise(place);
    }
    return true;
  }

  /** The least member that fits, in ascending order of trial. Costs O(k²) where k lesser members do not fit; the rest is not looked at. */
  firstWhere(fits: (item: number) => boolean): number | undefined {
    const frontier = this.#items.length === 0 ? [] : [0];
    while (frontier.length > 0) {
      const place = this.#takeLeast(frontier);
      const item = this.#items[place];
      if (item !== undefined && fits(item)) return item;
      for (const child of [place * 2 + 1, place * 2 + 2]) if (child < this.#items.length) frontier.push(child);
    }
    return undefined;
  }

  /** Takes the place of the least item out of a list of places. */
  #takeLeast(places: number[]): number {
    let least = 0;
    for (let at = 1; at < places.length; at++) if (this.#compareAt(places[at], places[least]) < 0) least = at;
    return places.splice(least, 1)[0] ?? 0;
  }

  #compareAt(a: number | undefined, b: number | undefined): number {
    return this.#compare(this.#items[a ?? 0] ?? 0, this.#items[b ?? 0] ?? 0);
  }

  /** Members in ascending order; for comparison and display. */
  sorted(): readonly number[] {
    return [...this.#items].sort((a, b) => this.#compare(a, b));
  }

  #compare(a: number, b: number): number {
    return this.#rank(a) - this.#rank(b) || a - b;
  }

  #put(place: number, item: number): void {
    this.#items[place] = item;
    this.#places.set(item, place);
  }

  #rise(start: number): void {
    let place = start;
    const item = this.#items[place];
    if (item === undefined) return;
    while (place > 0) {
      const above = (place - 1) >> 1;
      const other = this.#items[above];
      if (other === undefined || this.#compare(item, other) >= 0) break;
      this.#put(place, other);
      place = above;
    }
    this.#put(place, item);
  }

  #sink(start: number): void {
    let place = start;
    const item = this.#items[place];
    if (item === undefined) return;
    for (;;) {
      const least = this.#lesserChild(place);
      const other = least === undefined ? undefined : this.#items[least];
      if (least === undefined || other === undefined || this.#compare(other, item) >= 0) break;
      this.#put(place, other);
      place = least;
    }
    this.#put(place, item);
  }

  #lesserChild(place: number): number | undefined {
    const left = place * 2 + 1;
    const a = this.#items[left];
    const b = this.#items[left + 1];
    if (a === undefined) return undefined;
    return b !== undefined && this.#compare(b, a) < 0 ? left + 1 : left;
  }
}
