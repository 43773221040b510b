/** Redis' protocol, as far as one must know it to tell where one command or reply ends and the next begins. */

const SIMPLE = "+-:,#_(";
const BULK = "$!=";
const AGGREGATE = "*~>";

/** Where the frame that begins at `start` ends; undefined where it has not come whole yet. */
function frameEnd(bytes: Buffer, start: number): number | undefined {
  const line = bytes.indexOf("\r\n", start);
  if (line < 0) return undefined;
  const type = String.fromCharCode(bytes[start] ?? 0);
  const end = line + 2;
  if (SIMPLE.includes(type)) return end;
  const count = Number(bytes.toString("latin1", start + 1, line));
  if (BULK.includes(type)) return count < 0 ? end : whole(bytes, end + count + 2);
  const isMap = type === "%";
  if (!isMap && !AGGREGATE.includes(type)) throw new TypeError(`not Redis' protocol: ${type}`);
  let next: number | undefined = end;
  for (let left = isMap ? 2 * count : count; left > 0 && next !== undefined; left -= 1) next = frameEnd(bytes, next);
  return next;
}

function whole(bytes: Buffer, end: number): number | undefined {
  return end <= bytes.length ? end : undefined;
}

/** Cuts a stream into whole frames, whatever pieces it comes in. */
export class Frames {
  #rest: Buffer = Buffer.alloc(0);

  push(piece: Buffer): readonly Buffer[] {
    const bytes = this.#rest.length === 0 ? piece : Buffer.concat([this.#rest, piece]);
    const frames: Buffer[] = [];
    let start = 0;
    for (;;) {
      const end = frameEnd(bytes, start);
      if (end === undefined) break;
      frames.push(bytes.subarray(start, end));
      start = end;
    }
    this.#rest = bytes.subarray(start);
    return frames;
  }
}

/** The words of a command: an array of bulk strings. */
export function wordsOf(frame: Buffer): readonly Buffer[] {
  const words: Buffer[] = [];
  let at = frame.indexOf("\r\n") + 2;
  while (at < frame.length) {
    const line = frame.indexOf("\r\n", at);
    const length = Number(frame.toString("latin1", at + 1, line));
    words.push(frame.subarray(line + 2, line + 2 + length));
    at = line + 2 + length + 2;
  }
  return words;
}
