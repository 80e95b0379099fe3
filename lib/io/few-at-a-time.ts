// Work on many items, a few of them at any moment: reading is the kernel's copying, which goes on on several threads.

/** As many as Node reads files with at the same time. */
const AT_A_TIME = 4;

/**
 * Calls `work` for each item in their order, a few calls side by side. Once all have ended it throws what failed first in
 * that order; after a failure no further ones begin.
 */
export async function fewAtATime<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  let next = 0;
  const failures: { at: number; error: unknown }[] = [];
  const worker = async (): Promise<void> => {
    while (next < items.length && failures.length === 0) {
      const at = next++;
      try {
        await work(items[at]);
      } catch (error) {
        failures.push({ at, error });
      }
    }
  };
  await Promise.all(Array.from({ length: AT_A_TIME }, worker));
  const [first] = failures.sort((a, b) => a.at - b.at);
  if (first !== undefined) throw first.error;
}
