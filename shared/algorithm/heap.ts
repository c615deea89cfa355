/** A binary heap of items whose order changes while they are in it: cursors over sorted rows that are merged. */
export class Heap<T> {
  /** The first item is at 0; the second one is at 1 or 2. */
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

  /** Restores the order after the first item has changed. */
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

  /** Removes the first item. */
  shift(): void {
    const last = this.items.pop();
    if (this.items.length === 0 || last === undefined) return;
    this.items[0] = last;
    this.settle();
  }
}
