/**
 * Replaces secret values in a byte stream, across chunk borders (S4).
 *
 * Each value is looked for as it is and as it commonly appears when it leaks: base64 and base64url at the three alignments, hex in both
 * cases, percent-encoded and JSON-escaped; of a value with several lines, each line of eight characters or more too. The last bytes that
 * could still be the start of a match are held back until more arrives or the stream ends.
 */
const marker = Buffer.from("[redacted]");
const lineLengthMin = 8;
const fragmentLengthMin = 6;

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
  const patterns = secretForms(values);
  const first = patterns[0];
  return first === undefined ? passThrough : new StreamRedactor(patterns, first.length - 1);
}

/** Every byte form of the values, longest first. */
export function secretForms(values: readonly string[]): readonly Buffer[] {
  const forms = new Set<string>();
  for (const value of values) {
    for (const text of [value, value.trim(), ...value.split(/\r?\n/).filter((line) => line.length >= lineLengthMin)]) {
      if (text !== "") for (const form of formsOf(text)) forms.add(form);
    }
  }
  return [...forms].map((form) => Buffer.from(form, "latin1")).sort((a, b) => b.length - a.length);
}

// Forms are kept as latin1 text, one character a byte, so that a set can tell them apart.
function formsOf(text: string): readonly string[] {
  const bytes = Buffer.from(text, "utf8");
  const raw = bytes.toString("latin1");
  const hex = bytes.toString("hex");
  const percent = [...bytes].map(percentByte).join("");
  const json = Buffer.from(JSON.stringify(text).slice(1, -1), "utf8").toString("latin1");
  const derived = [
    hex,
    hex.toUpperCase(),
    percent,
    lowerPercent(percent),
    percent.replaceAll("%20", "+"),
    json,
    json.replaceAll("/", "\\/"),
    asciiJson(text),
    ...base64Forms(bytes),
  ];
  return [raw, ...derived.filter((form) => form.length >= Math.min(fragmentLengthMin, raw.length + 1))];
}

function percentByte(byte: number): string {
  const char = String.fromCharCode(byte);
  return /[A-Za-z0-9_.!~*'()-]/.test(char) ? char : `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
}

function lowerPercent(text: string): string {
  return text.replace(/%[0-9A-F]{2}/g, (escape) => escape.toLowerCase());
}

function asciiJson(text: string): string {
  return JSON.stringify(text)
    .slice(1, -1)
    .replace(/[\u0080-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

/** Base64 of the value behind 0, 1 and 2 unknown bytes: the digits that depend on the value alone. */
function base64Forms(bytes: Buffer): readonly string[] {
  const forms: string[] = [];
  for (const before of [0, 1, 2]) {
    const padded = Buffer.concat([Buffer.alloc(before), bytes]);
    const start = Math.ceil((before * 8) / 6);
    const end = Math.floor((padded.length * 8) / 6);
    const digits = padded.toString("base64").slice(start, end);
    if (digits.length < fragmentLengthMin) continue;
    forms.push(digits, digits.replaceAll("+", "-").replaceAll("/", "_"));
  }
  return forms;
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
