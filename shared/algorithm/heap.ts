/** A binary heap of things whose order changes while they are in it: cursors over sorted rows, to be merged. */
export class Heap<T> {
  /** The one that comes first at 0, and no other than those at 1 and 2 may come next to it. */
  readonly items: T[] = [];
  private readonly before: (a: T, b: T) => boolean;

  /** @param before whether `a` comes before `b` */
  constructor(before: (a: T, b: T) => boolean) {
    this.before = before;
  }

  push(item: T): void {
    const { items, before } = this;
    let at = items.length;
    items.push(item);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!before(item, items[parent])) break;
      items[at] = items[parent];
      at = parent;
    }
    items[at] = item;
  }

  /** The first has moved on: to its place. */
  settle(): void {
    const { items, before } = this;
    if (items.length < 2) return;
    const moving = items[0];
    let at = 0;
    for (;;) {
      let child = at * 2 + 1;
      if (child >= items.length) break;
      if (child + 1 < items.length && before(items[child + 1], items[child])) child++;
      if (!before(items[child], moving)) break;
      items[at] = items[child];
      at = child;
    }
    items[at] = moving;
  }

  /** The first is out. */
  shift(): void {
    const last = this.items.pop();
    if (this.items.length === 0 || last === undefined) return;
    this.items[0] = last;
    this.settle();
  }
}
