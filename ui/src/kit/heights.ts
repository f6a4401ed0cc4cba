/**
 * Where the rows of a long list are, of which most have the usual height and some were measured. Rows are named by their places, which
 * never change; finding one costs the blocks that hold measured rows, not the rows.
 */
const BLOCK = 256;

export class Heights {
  /** What a measured row differs from the usual by, by its place. */
  private readonly own = new Map<number, number>();
  /** The sums of those, by block of places. */
  private readonly sums = new Map<number, number>();

  /** `usual` in pixels. */
  constructor(readonly usual: number) {}

  /** Notes how high a row is; answers by how many pixels that differs from what was taken for it. */
  measured(place: number, px: number): number {
    const [before, now] = [this.own.get(place) ?? 0, px - this.usual];
    if (before === now) return 0;
    if (now === 0) this.own.delete(place);
    else this.own.set(place, now);
    const block = Math.floor(place / BLOCK);
    const sum = (this.sums.get(block) ?? 0) - before + now;
    if (sum === 0 && !this.hasOwn(block)) this.sums.delete(block);
    else this.sums.set(block, sum);
    return now - before;
  }

  /** Lets go of what is known of rows before a place, by the block. */
  letGo(first: number): void {
    const present = Math.floor(first / BLOCK);
    for (const block of [...this.sums.keys()]) {
      if (block >= present) continue;
      this.sums.delete(block);
      for (let at = block * BLOCK; at < (block + 1) * BLOCK; at += 1) this.own.delete(at);
    }
  }

  /** Forgets what was measured: the rows are drawn otherwise now. */
  forget(): void {
    this.own.clear();
    this.sums.clear();
  }

  /** How high the rows from `first` to before `place` are together. */
  between(first: number, place: number): number {
    return (place - first) * this.usual + this.extra(place) - this.extra(first);
  }

  /** The row that `px` below the top of row `first` meets, of those before `end`. */
  atOffset(first: number, end: number, px: number): number {
    let [low, high] = [first, Math.max(first, end - 1)];
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if (this.between(first, middle) <= px) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  /** By how much the rows before a place are higher than as many usual ones. */
  private extra(place: number): number {
    const block = Math.floor(place / BLOCK);
    let sum = 0;
    for (const [at, one] of this.sums) if (at < block) sum += one;
    for (let at = block * BLOCK; at < place; at += 1) sum += this.own.get(at) ?? 0;
    return sum;
  }

  private hasOwn(block: number): boolean {
    for (let at = block * BLOCK; at < (block + 1) * BLOCK; at += 1) if (this.own.has(at)) return true;
    return false;
  }
}
