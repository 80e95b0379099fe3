// Work started ahead of its turn: so many at a time, so many finished or running in wait, handed out in order.

/**
 * Applies `work` to every item and yields the results in the items' order. At most `running` calls run at once and at
 * most `waiting` results are ahead of the consumer, so memory is bounded however long the list. `work` must not reject.
 */
export async function* ahead<Item, Result>(
  items: Iterable<Item>,
  limits: { readonly running: number; readonly waiting: number },
  work: (item: Item) => Promise<Result>,
): AsyncGenerator<Result, void, undefined> {
  let free = limits.running;
  const queue: (() => void)[] = [];
  const limited = async (item: Item): Promise<Result> => {
    if (free > 0) free--;
    else await new Promise<void>((resolve) => queue.push(resolve));
    try {
      return await work(item);
    } finally {
      const next = queue.shift();
      if (next === undefined) free++;
      else next();
    }
  };
  const pending: Promise<Result>[] = [];
  for (const item of items) {
    pending.push(limited(item));
    if (pending.length >= limits.waiting) yield await pending.shift()!;
  }
  while (pending.length > 0) yield await pending.shift()!;
}
