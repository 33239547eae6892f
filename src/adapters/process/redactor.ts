/**
 * Replaces secret values in a byte stream, across chunk borders (S4).
 *
 * What a value looks like when it leaks: base/secret-forms.ts. The last bytes that could still be the start of a match are held back
 * until more arrives or the stream ends.
 */
import { secretForms } from "../../base/secret-forms.ts";

const marker = Buffer.from("[redacted]");

export interface Redactor {
  /** What may be written now. */
  push(chunk: Buffer): Buffer;
  /** What was held back. */
  flush(): Buffer;
}

interface Span {
  readonly start: number;
  readonly end: number;
}

const passThrough: Redactor = { push: (chunk) => chunk, flush: () => Buffer.alloc(0) };

/** A redactor for one stream. Values that are empty are ignored; without values the stream passes as it is. */
export function createRedactor(values: readonly string[]): Redactor {
  const patterns = secretForms(values).map((form) => Buffer.from(form, "latin1"));
  const first = patterns[0];
  return first === undefined ? passThrough : new StreamRedactor(patterns, first.length - 1);
}

class StreamRedactor implements Redactor {
  readonly #patterns: readonly Buffer[];
  readonly #holdBack: number;
  #held: Buffer = Buffer.alloc(0);
  /** How many bytes at the start of `#held` the marker written last stands for; -1 when something else was written last. */
  #covered = -1;

  constructor(patterns: readonly Buffer[], holdBack: number) {
    this.#patterns = patterns;
    this.#holdBack = holdBack;
  }

  push(chunk: Buffer): Buffer {
    const bytes = this.#held.length === 0 ? chunk : Buffer.concat([this.#held, chunk]);
    return this.#emit(bytes, Math.max(0, bytes.length - this.#holdBack));
  }

  flush(): Buffer {
    return this.#emit(this.#held, this.#held.length);
  }

  /** Emits up to `until`; a match that begins before it is replaced whole, and its tail stays held as context for overlaps. */
  #emit(bytes: Buffer, until: number): Buffer {
    const parts: Buffer[] = [];
    let at = Math.max(0, this.#covered);
    let marked = this.#covered >= 0;
    for (const span of this.#spans(bytes)) {
      if (span.start >= until && !(marked && span.start <= at)) break;
      if (span.start > at) parts.push(bytes.subarray(at, span.start));
      if (span.start > at || !marked) parts.push(marker);
      marked = true;
      at = Math.max(at, span.end);
    }
    if (at < until) {
      parts.push(bytes.subarray(at, until));
      at = until;
      marked = false;
    }
    this.#covered = marked ? at - until : -1;
    this.#held = Buffer.from(bytes.subarray(until));
    return parts.length === 1 && parts[0] !== undefined ? parts[0] : Buffer.concat(parts);
  }

  /** Matches by start, joined where they overlap or touch. */
  #spans(bytes: Buffer): readonly Span[] {
    const found: Span[] = [];
    for (const pattern of this.#patterns) {
      for (let at = bytes.indexOf(pattern); at !== -1; at = bytes.indexOf(pattern, at + 1)) found.push({ start: at, end: at + pattern.length });
    }
    if (found.length < 2) return found;
    found.sort((a, b) => a.start - b.start);
    const joined: Span[] = [];
    for (const span of found) {
      const last = joined.at(-1);
      if (last !== undefined && span.start <= last.end) joined[joined.length - 1] = { start: last.start, end: Math.max(last.end, span.end) };
      else joined.push(span);
    }
    return joined;
  }
}
