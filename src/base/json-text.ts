/**
 * `JSON.parse` without a fault of V8 13.6 (Node 24): a key that is written with an escape may come back as other characters, depending on
 * which strings the process has seen before. Values are not affected. Text with such a key is read by a small reader of our own, which
 * leaves each string and number to `JSON.parse`; all other text takes the fast way.
 */
import type { JsonValue } from "./json-value.ts";

/** Deeper text is no document of ours; `JSON.parse` itself has no such limit. */
const depthMax = 1_000;
const escapedKey = /[{,][ \t\r\n]*"[^"\\]*\\/;

/** Throws SyntaxError for what is not JSON. Duplicate keys and sizes are for the caller to judge. */
export function jsonOfText(text: string): JsonValue {
  if (!text.includes("\\") || !escapedKey.test(text)) return JSON.parse(text);
  return new Reader(text).document();
}

class Reader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  document(): JsonValue {
    const value = this.#value(0);
    this.#space();
    if (this.#at < this.#text.length) throw this.#unexpected();
    return value;
  }

  #value(depth: number): JsonValue {
    if (depth > depthMax) throw new SyntaxError(`JSON is nested deeper than ${depthMax}`);
    this.#space();
    switch (this.#text[this.#at]) {
      case "{":
        return this.#object(depth);
      case "[":
        return this.#array(depth);
      case '"':
        return this.#string();
      default:
        return this.#scalar();
    }
  }

  #object(depth: number): JsonValue {
    const members: Record<string, JsonValue> = {};
    this.#items("}", () => {
      const key = this.#string();
      this.#space();
      this.#expect(":");
      const value = this.#value(depth + 1);
      // An own member, as JSON.parse makes it, whatever it is called.
      Object.defineProperty(members, key, { value, writable: true, enumerable: true, configurable: true });
    });
    return members;
  }

  #array(depth: number): JsonValue {
    const items: JsonValue[] = [];
    this.#items("]", () => items.push(this.#value(depth + 1)));
    return items;
  }

  #items(close: string, item: () => void): void {
    this.#at++;
    this.#space();
    if (this.#text[this.#at] === close) {
      this.#at++;
      return;
    }
    for (;;) {
      this.#space();
      item();
      this.#space();
      if (this.#text[this.#at] === close) break;
      this.#expect(",");
    }
    this.#at++;
  }

  #string(): string {
    const start = this.#at;
    if (this.#text[start] !== '"') throw this.#unexpected();
    for (this.#at++; this.#text[this.#at] !== '"'; this.#at++) {
      if (this.#at >= this.#text.length) throw this.#unexpected();
      if (this.#text[this.#at] === "\\") this.#at++;
    }
    this.#at++;
    return JSON.parse(this.#text.slice(start, this.#at));
  }

  #scalar(): JsonValue {
    const token = /[-+.\w]+/y;
    token.lastIndex = this.#at;
    const match = token.exec(this.#text);
    if (match === null) throw this.#unexpected();
    this.#at = token.lastIndex;
    return JSON.parse(match[0]);
  }

  #space(): void {
    while (" \t\r\n".includes(this.#text[this.#at] ?? "x")) this.#at++;
  }

  #expect(char: string): void {
    if (this.#text[this.#at] !== char) throw this.#unexpected();
    this.#at++;
  }

  #unexpected(): SyntaxError {
    return new SyntaxError(`unexpected ${JSON.stringify(this.#text[this.#at] ?? "end")} in JSON at position ${this.#at}`);
  }
}
