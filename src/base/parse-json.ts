/**
 * Strict JSON from bytes: fatal UTF-8, size, depth and key limits, duplicate keys, lone surrogates, integers that would be
 * rounded and prototype keys refused.
 * `JSON.parse` alone collapses duplicate keys, accepts any depth and lets `__proto__` through, so a scanner of our own walks the
 * text first and `JSON.parse` builds the value from the same text (RFC 8259; limits: docs/formats/canonical-json.md).
 */
import { jsonOfText } from "./json-text.ts";
import type { JsonValue } from "./json-value.ts";
import { LilyError } from "./lily-error.ts";

export interface JsonLimits {
  readonly bytesMax: number;
  readonly depthMax: number;
  readonly keysMax: number;
}

export const defaultJsonLimits: JsonLimits = { bytesMax: 64 * 1024 * 1024, depthMax: 64, keysMax: 1_000_000 };

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const refusedKeys = new Set(["__proto__", "constructor", "prototype"]);

/** Decodes strict UTF-8. Throws INPUT_NOT_UTF8. */
export function decodeUtf8(bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes);
  } catch (cause) {
    throw new LilyError("INPUT_NOT_UTF8", "the bytes are not valid UTF-8", { cause });
  }
}

/** Throws INPUT_TOO_LARGE, INPUT_NOT_UTF8 or JSON_INVALID with line and column. */
export function parseJson(input: Uint8Array | string, limits: JsonLimits = defaultJsonLimits): JsonValue {
  if (input.length > limits.bytesMax) throw new LilyError("INPUT_TOO_LARGE", `JSON is larger than ${limits.bytesMax} bytes`);
  const text = typeof input === "string" ? input : decodeUtf8(input);
  new Scanner(text, limits).run();
  return jsonOfText(text);
}

class Scanner {
  #at = 0;
  #keys = 0;
  readonly #text: string;
  readonly #limits: JsonLimits;

  constructor(text: string, limits: JsonLimits) {
    this.#text = text;
    this.#limits = limits;
  }

  run(): void {
    this.#space();
    this.#value(0);
    this.#space();
    if (this.#at < this.#text.length) throw this.#invalid("text after the end of the value");
  }

  #value(depth: number): void {
    switch (this.#text[this.#at]) {
      case "{":
        return this.#object(depth + 1);
      case "[":
        return this.#array(depth + 1);
      case '"':
        this.#string();
        return;
      case undefined:
        throw this.#invalid("unexpected end");
      default:
        return this.#scalar();
    }
  }

  #object(depth: number): void {
    this.#enter(depth);
    const keys = new Set<string>();
    if (this.#closes("}")) return;
    do {
      this.#space();
      this.#key(keys);
      this.#space();
      this.#expect(":");
      this.#space();
      this.#value(depth);
      this.#space();
    } while (this.#more("}"));
  }

  #key(keys: Set<string>): void {
    if (this.#text[this.#at] !== '"') throw this.#invalid("expected a key");
    const key = this.#string();
    if (refusedKeys.has(key)) throw this.#invalid(`key ${key} is refused`);
    if (keys.has(key)) throw this.#invalid(`duplicate key ${JSON.stringify(key.slice(0, 80))}`);
    keys.add(key);
    if (++this.#keys > this.#limits.keysMax) throw this.#tooLarge(`more than ${this.#limits.keysMax} keys`);
  }

  #array(depth: number): void {
    this.#enter(depth);
    if (this.#closes("]")) return;
    do {
      this.#space();
      this.#value(depth);
      this.#space();
    } while (this.#more("]"));
  }

  #enter(depth: number): void {
    if (depth > this.#limits.depthMax) throw this.#tooLarge(`deeper than ${this.#limits.depthMax} levels`);
    this.#at++;
    this.#space();
  }

  #closes(end: string): boolean {
    if (this.#text[this.#at] !== end) return false;
    this.#at++;
    return true;
  }

  #more(end: string): boolean {
    if (this.#text[this.#at] === ",") {
      this.#at++;
      return true;
    }
    this.#expect(end);
    return false;
  }

  #string(): string {
    const start = this.#at++;
    for (;;) {
      const unit = this.#text.charCodeAt(this.#at);
      if (Number.isNaN(unit)) throw this.#invalid("string without end");
      if (unit < 0x20) throw this.#invalid("control character in a string");
      this.#at++;
      if (unit === 0x22) break;
      if (unit === 0x5c) this.#at++;
    }
    const raw = this.#text.slice(start, this.#at);
    const value = this.#parsed(raw, start);
    if (!value.isWellFormed()) throw this.#invalid("lone surrogate in a string");
    return value;
  }

  #parsed(raw: string, start: number): string {
    if (!raw.includes("\\")) return raw.slice(1, -1);
    try {
      return JSON.parse(raw) as string;
    } catch {
      this.#at = start;
      throw this.#invalid("bad escape in a string");
    }
  }

  #scalar(): void {
    const token = /(?:true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?)/y;
    token.lastIndex = this.#at;
    const match = token.exec(this.#text);
    if (match === null) throw this.#invalid("unexpected character");
    if (!Number.isFinite(Number(match[0])) && /\d/.test(match[0])) throw this.#invalid("number out of range");
    if (isRounded(match[0])) throw this.#invalid("integer that would be rounded; carry it as a string");
    this.#at = token.lastIndex;
  }

  #space(): void {
    for (;;) {
      const unit = this.#text.charCodeAt(this.#at);
      if (unit !== 0x20 && unit !== 0x0a && unit !== 0x0d && unit !== 0x09) return;
      this.#at++;
    }
  }

  #expect(char: string): void {
    if (this.#text[this.#at] !== char) throw this.#invalid(`expected '${char}'`);
    this.#at++;
  }

  #tooLarge(why: string): LilyError {
    return new LilyError("INPUT_TOO_LARGE", `JSON ${why}`);
  }

  #invalid(why: string): LilyError {
    const before = this.#text.slice(0, this.#at);
    const line = before.split("\n").length;
    const column = this.#at - before.lastIndexOf("\n");
    return new LilyError("JSON_INVALID", `JSON line ${line}, column ${column}: ${why}`, { details: { line, column } });
  }
}

/** Beyond +-(2^53-1) only integers that are written as their double prints (RFC 8785) come back as they were. */
function isRounded(token: string): boolean {
  const value = Number(token);
  return /^-?\d+$/.test(token) && !Number.isSafeInteger(value) && String(value) !== token;
}
