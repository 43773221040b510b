/** Work spread over a few lanes that run at the same time, each by itself in order. */

/** `total` pieces of work; every lane takes the next piece as soon as it is free. */
export async function inLanes(lanes: number, total: number, work: (lane: number, piece: number) => Promise<void>): Promise<void> {
  let next = 0;
  const run = async (lane: number): Promise<void> => {
    while (next < total) {
      const piece = next;
      next += 1;
      await work(lane, piece);
    }
  };
  await Promise.all(Array.from({ length: Math.min(lanes, total) }, (_, lane) => run(lane)));
}

/** An element by position; running out of them is a programmer's mistake. */
export function at<T>(list: readonly T[], index: number): T {
  const element = list[index];
  if (element === undefined) throw new TypeError(`there are only ${list.length}`);
  return element;
}
