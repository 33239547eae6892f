/**
 * Finds repeated keys exactly, in bounded memory: when the keys do not fit, the table is read again, one part of the keys at a time.
 * A part is decided by a hash of the key, so a repeated key and its first use are in the same part.
 */
const keysMaxDefault = 500_000;
const partsMax = 1_024;
const shownMax = 5;
const keyShownMax = 60;

export class UniqueKeys {
  #keysMax;
  #parts = 1;
  #part = 0;
  #first = new Map();
  #isFull = false;
  #count = 0;
  #shown = [];

  constructor(keysMax = keysMaxDefault) {
    this.#keysMax = keysMax;
  }

  /** Before each reading of the table. */
  begin() {
    this.#first.clear();
    this.#isFull = false;
  }

  add(key, line) {
    if (this.#isFull || (this.#parts > 1 && partOf(key, this.#parts) !== this.#part)) return;
    const first = this.#first.get(key);
    if (first === undefined) {
      this.#first.set(key, line);
      this.#isFull = this.#first.size > this.#keysMax;
      return;
    }
    this.#count++;
    this.#shown.push({ key: key.length > keyShownMax ? `${key.slice(0, keyShownMax)}...` : key, line, first });
    // The first lines of the table, whichever part of the keys they are in.
    if (this.#shown.length > shownMax) this.#shown = this.#shown.sort((one, other) => one.line - other.line).slice(0, shownMax);
  }

  /** After each reading: whether the table has to be read once more. */
  again() {
    if (this.#isFull) {
      this.#parts *= 2;
      if (this.#parts > partsMax) throw new Error(`the table has too many different keys: more than ${this.#keysMax} in each of ${partsMax} parts`);
      this.#part = 0;
      this.#count = 0;
      this.#shown = [];
      return true;
    }
    this.#part++;
    return this.#part < this.#parts;
  }

  duplicates() {
    return { count: this.#count, shown: this.#shown.toSorted((one, other) => one.line - other.line) };
  }
}

function partOf(key, parts) {
  let mixed = 0x811c9dc5;
  for (let at = 0; at < key.length; at++) mixed = Math.imul(mixed ^ key.charCodeAt(at), 0x01000193);
  return ((mixed ^ (mixed >>> 15)) >>> 0) % parts;
}
