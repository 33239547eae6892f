/** A whole line with its LF, and where it starts in the record. */
export interface PlacedLine {
  readonly bytes: Uint8Array;
  readonly offset: number;
}

/** Cuts pieces of a record into lines. Lines point into the pieces wherever they can; nothing may change a piece afterwards. */
export class LineSplitter {
  #rest: Uint8Array = new Uint8Array(0);
  #offset: number;

  constructor(offset: number) {
    this.#offset = offset;
  }

  /** Bytes after the last LF so far. */
  get rest(): number {
    return this.#rest.length;
  }

  push(piece: Uint8Array): readonly PlacedLine[] {
    const bytes = this.#rest.length === 0 ? piece : joined(this.#rest, piece);
    const lines: PlacedLine[] = [];
    let start = 0;
    for (let end = bytes.indexOf(0x0a); end !== -1; end = bytes.indexOf(0x0a, start)) {
      lines.push({ bytes: bytes.subarray(start, end + 1), offset: this.#offset + start });
      start = end + 1;
    }
    this.#offset += start;
    this.#rest = bytes.subarray(start);
    return lines;
  }
}

export function joined(first: Uint8Array, second: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(first.length + second.length);
  bytes.set(first);
  bytes.set(second, first.length);
  return bytes;
}
