/** Places inside a JSON text that was already parsed. Built when the first place is asked for: a document without problems never pays. */
import type { JsonValue } from "../base/json-value.ts";
import { isLilyError } from "../base/lily-error.ts";
import { parseJson } from "../base/parse-json.ts";
import { documentBytesMax, documentDepthMax, documentKeysMax, numberProblem, type ParsedDocument, type ParseProblem, type Place } from "./located-document.ts";

/** Strict JSON. Its parser stops at the first syntax problem. */
export function parseLocatedJson(text: string): ParsedDocument {
  let value: JsonValue;
  try {
    value = parseJson(text, { bytesMax: documentBytesMax, depthMax: documentDepthMax, keysMax: documentKeysMax });
  } catch (error) {
    if (!isLilyError(error)) throw error;
    const { line, column } = error.details;
    const place = typeof line === "number" && typeof column === "number" ? { line, column } : null;
    return { document: null, problems: [{ code: error.code, message: error.message, place }] };
  }
  const places = new JsonPlaces(text);
  const problems: ParseProblem[] = [];
  collectNumbers(value, [], (path, message) => problems.push({ code: "JSON_INVALID", message, place: places.locate(path) }));
  return { document: problems.length > 0 ? null : { value, locate: (path) => places.locate(path) }, problems };
}

/** `path` is one list for the whole walk, so that a large document costs no garbage; it is copied only to report. */
function collectNumbers(value: JsonValue, path: PropertyKey[], report: (path: readonly PropertyKey[], message: string) => void): void {
  if (typeof value === "number") {
    const problem = numberProblem(value);
    if (problem !== null) report([...path], `number ${value} ${problem}`);
  } else if (typeof value === "object" && value !== null) {
    for (const [key, item] of Object.entries(value)) {
      if (typeof item !== "number" && typeof item !== "object") continue;
      path.push(key);
      collectNumbers(item, path, report);
      path.pop();
    }
  }
}

interface JsonNode {
  readonly at: number;
  readonly parts: ReadonlyMap<string, JsonNode> | null;
}

class JsonPlaces {
  readonly #text: string;
  #root: JsonNode | null = null;
  #lines: readonly number[] = [];
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  locate(path: readonly PropertyKey[]): Place {
    let node = this.#tree();
    for (const part of path) {
      const next = node.parts?.get(String(part));
      if (next === undefined) break;
      node = next;
    }
    return this.#place(node.at);
  }

  #tree(): JsonNode {
    if (this.#root !== null) return this.#root;
    const lines = [0];
    for (let at = this.#text.indexOf("\n"); at !== -1; at = this.#text.indexOf("\n", at + 1)) lines.push(at + 1);
    this.#lines = lines;
    this.#space();
    this.#root = this.#value(this.#at);
    return this.#root;
  }

  #place(at: number): Place {
    let low = 0;
    let high = this.#lines.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((this.#lines[middle] ?? 0) <= at) low = middle;
      else high = middle - 1;
    }
    return { line: low + 1, column: at - (this.#lines[low] ?? 0) + 1 };
  }

  /** The text is known to be JSON, so only the structure is followed. `named` is where the part begins: at its key, if it has one. */
  #value(named: number): JsonNode {
    const opening = this.#text[this.#at];
    if (opening === "{" || opening === "[") return { at: named, parts: this.#parts(opening === "{") };
    if (opening === '"') this.#string();
    else while (this.#at < this.#text.length && !",]} \n\r\t".includes(this.#text[this.#at] ?? ",")) this.#at++;
    return { at: named, parts: null };
  }

  #parts(keyed: boolean): ReadonlyMap<string, JsonNode> {
    const parts = new Map<string, JsonNode>();
    this.#at++;
    for (;;) {
      this.#space();
      const sign = this.#text[this.#at];
      if (sign === "," || sign === "}" || sign === "]") {
        this.#at++;
        if (sign === ",") continue;
        return parts;
      }
      const start = this.#at;
      const name = keyed ? this.#key() : String(parts.size);
      parts.set(name, this.#value(start));
    }
  }

  #key(): string {
    const key: unknown = JSON.parse(this.#string());
    this.#space();
    this.#at++;
    this.#space();
    return String(key);
  }

  #string(): string {
    const start = this.#at++;
    while (this.#text[this.#at] !== '"') this.#at += this.#text[this.#at] === "\\" ? 2 : 1;
    this.#at++;
    return this.#text.slice(start, this.#at);
  }

  #space(): void {
    while (" \n\r\t".includes(this.#text[this.#at] ?? "x")) this.#at++;
  }
}
