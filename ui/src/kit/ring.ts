/** The latest of what came, in its order: taking one in and letting the oldest go costs the same however many there are. */
export class Ring<T> {
  private kept: T[] = [];
  /** Where the first that counts is in `kept`; what is before it is let go of by the lot. */
  private from = 0;
  /** How many came before the first that is here. */
  private gone = 0;

  /** Keeps at most `max`. */
  constructor(private readonly max: number) {}

  /** How many are here. */
  get length(): number {
    return this.kept.length - this.from;
  }

  /** The place of the first that is here, counted from the first that ever came. */
  get first(): number {
    return this.gone;
  }

  /** The place of the next one that comes. */
  get end(): number {
    return this.gone + this.length;
  }

  /** What is at a place; undefined where it is not here any more, or not yet. */
  at(place: number): T | undefined {
    return place < this.gone ? undefined : this.kept[place - this.gone + this.from];
  }

  push(one: T): void {
    this.kept.push(one);
    if (this.length > this.max) this.shift();
  }

  /** Lets the oldest go, and answers it. */
  shift(): T | undefined {
    if (this.length === 0) return undefined;
    const one = this.kept[this.from];
    this.from += 1;
    this.gone += 1;
    if (this.from > this.max / 2 || this.length === 0) {
      this.kept = this.kept.slice(this.from);
      this.from = 0;
    }
    return one;
  }
}
