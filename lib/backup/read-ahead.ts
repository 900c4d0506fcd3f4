/**
 * Reads one thing ahead of whoever works on the one before, so that the target and the database are busy at the same time;
 * what is ahead is held in memory.
 * @param read its failure is thrown where its turn comes
 */
export async function* readAhead<T, R>(
  things: readonly T[],
  read: (thing: T) => Promise<R>,
): AsyncGenerator<readonly [T, R], void, undefined> {
  const begin = (thing: T): Promise<R> => {
    const reading = read(thing);
    // Nobody may come for it any more.
    reading.catch(() => undefined);
    return reading;
  };
  let next: Promise<R> | undefined;
  for (const [index, thing] of things.entries()) {
    const result = await (next ?? begin(thing));
    const following = things[index + 1];
    next = following === undefined ? undefined : begin(following);
    yield [thing, result];
  }
}
