/**
 * YAML 1.2 core as JSON says it: one document, no directives, tags, anchors, aliases or merge keys, every key a string and used once.
 * Aliases are refused altogether, so nothing can grow while it is read. The depth is watched while tokens arrive, before the recursive
 * composer sees them. All problems of a document are collected, not only the first.
 */
import { Composer, type Document, isAlias, isMap, isScalar, isSeq, Lexer, LineCounter, type ParsedNode, Parser, type CST, type YAMLMap } from "yaml";
import type { ErrorCode } from "../base/error-table.ts";
import type { JsonValue } from "../base/json-value.ts";
import { documentDepthMax, documentKeysMax, numberProblem, type ParsedDocument, type ParseProblem, type Place, refusedKeys } from "./located-document.ts";

/** A level of a document takes up to two places on the parser's stack. */
const stackMax = 2 * documentDepthMax + 16;
const problemsMax = 1_000;
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
const controlPattern = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]/;

export function parseLocatedYaml(text: string): ParsedDocument {
  const lines = new LineCounter();
  const reader = new YamlReader((at) => placeOf(lines, at));
  const control = controlPattern.exec(text);
  if (control !== null) return refused("YAML_INVALID", "YAML has a control character", plainPlace(text, control.index));
  const tokens = readTokens(text, lines, reader);
  const [document, second] = reader.problems.length > 0 ? [] : composed(tokens, text.length);
  if (second !== undefined) reader.refuse(second.range[0], "YAML has more than one document");
  if (document === undefined || reader.problems.length > 0) return { document: null, problems: reader.problems };
  for (const problem of [...document.errors, ...document.warnings]) reader.refuse(problem.pos[0], `YAML: ${problem.message}`);
  if (document.contents === null || (isScalar(document.contents) && document.contents.value === null)) reader.refuse(0, "the document is empty");
  if (document.errors.length > 0 || document.contents === null) return { document: null, problems: reader.problems };
  const root = document.contents;
  const value = reader.value(root, 0);
  if (reader.problems.length > 0) return { document: null, problems: reader.problems };
  const finder = new YamlPlaces(root);
  return { document: { value, locate: (path) => placeOf(lines, finder.offset(path)) }, problems: [] };
}

function readTokens(text: string, lines: LineCounter, reader: YamlReader): readonly CST.Token[] {
  const tokens: CST.Token[] = [];
  const parser = new Parser(lines.addNewLine);
  lines.addNewLine(0);
  for (const lexeme of new Lexer().lex(text)) {
    for (const token of parser.next(lexeme)) tokens.push(token);
    if (parser.stack.length > stackMax) {
      reader.refuse(parser.offset, `YAML is deeper than ${documentDepthMax} levels`, "INPUT_TOO_LARGE");
      return tokens;
    }
  }
  for (const token of parser.end()) tokens.push(token);
  for (const token of tokens)
    if (token.type === "directive") reader.refuse(token.offset, `YAML directive ${JSON.stringify(token.source.slice(0, 40))} is refused`);
  return tokens;
}

function composed(tokens: readonly CST.Token[], length: number): readonly Document.Parsed[] {
  const options = {
    version: "1.2",
    schema: "core",
    merge: false,
    strict: true,
    uniqueKeys: false,
    stringKeys: true,
    resolveKnownTags: false,
    logLevel: "silent",
  } as const;
  return [...new Composer<ParsedNode>(options).compose(tokens, true, length)];
}

/** Builds plain values from the tree and collects what is refused. */
class YamlReader {
  readonly problems: ParseProblem[] = [];
  readonly #place: (at: number) => Place;
  #keys = 0;

  constructor(place: (at: number) => Place) {
    this.#place = place;
  }

  refuse(at: number, message: string, code: ErrorCode = "YAML_INVALID"): void {
    if (this.problems.length < problemsMax) this.problems.push({ code, message, place: this.#place(at) });
  }

  value(node: ParsedNode | null, depth: number): JsonValue {
    if (node === null) return null;
    if (isAlias(node)) {
      this.refuse(node.range[0], `YAML alias *${node.source} is refused: write the value out`);
      return null;
    }
    if (node.anchor !== undefined) this.refuse(node.range[0], `YAML anchor &${node.anchor} is refused: aliases are not read`);
    if (node.tag !== undefined) this.refuse(node.range[0], `YAML tag ${node.tag} is refused: types come from the schema`);
    if (isScalar(node)) return this.#scalar(node.value, node.range[0]);
    if (depth >= documentDepthMax) {
      this.refuse(node.range[0], `YAML is deeper than ${documentDepthMax} levels`, "INPUT_TOO_LARGE");
      return null;
    }
    if (isSeq(node)) return node.items.map((item) => this.value(item, depth + 1));
    return this.#map(node, depth);
  }

  #map(node: YAMLMap.Parsed, depth: number): JsonValue {
    const members: Record<string, JsonValue> = {};
    for (const { key, value } of node.items) {
      const name = this.#key(key);
      if (name === null) continue;
      const at = key?.range?.[0] ?? node.range[0];
      if (Object.hasOwn(members, name)) this.refuse(at, `duplicate key ${JSON.stringify(name.slice(0, 80))}`);
      else members[name] = this.value(value, depth + 1);
    }
    return members;
  }

  #key(key: ParsedNode | null): string | null {
    const at = key?.range[0] ?? 0;
    if (!isScalar(key) || typeof key.value !== "string") {
      this.refuse(at, "a YAML key must be a text");
      return null;
    }
    if (++this.#keys === documentKeysMax + 1) this.refuse(at, `more than ${documentKeysMax} keys`, "INPUT_TOO_LARGE");
    this.value(key, 0);
    if (key.value === "<<") this.refuse(at, "YAML merge key << is refused: write the members out");
    else if (refusedKeys.has(key.value)) this.refuse(at, `key ${key.value} is refused`);
    else return key.value;
    return null;
  }

  #scalar(value: unknown, at: number): JsonValue {
    if (typeof value === "string") {
      if (!value.isWellFormed()) this.refuse(at, "lone surrogate in a text");
      return value;
    }
    if (typeof value === "number") {
      const problem = numberProblem(value);
      if (problem !== null) this.refuse(at, `number ${value} ${problem}`);
      return value;
    }
    return typeof value === "boolean" ? value : null;
  }
}

/** Finds offsets by path; a map that is asked twice is indexed once. */
class YamlPlaces {
  readonly #root: ParsedNode;
  readonly #indexes = new Map<YAMLMap.Parsed, ReadonlyMap<string, YAMLMap.Parsed["items"][number]>>();

  constructor(root: ParsedNode) {
    this.#root = root;
  }

  offset(path: readonly PropertyKey[]): number {
    let node: ParsedNode | null = this.#root;
    let at = node.range[0];
    for (const part of path) {
      if (isMap(node)) {
        const pair = this.#index(node).get(String(part));
        if (pair === undefined) break;
        at = pair.key?.range?.[0] ?? at;
        node = pair.value;
      } else if (isSeq(node)) {
        const item: ParsedNode | undefined = node.items[Number(part)];
        if (item === undefined) break;
        at = item.range[0];
        node = item;
      } else {
        break;
      }
    }
    return at;
  }

  #index(map: YAMLMap.Parsed): ReadonlyMap<string, YAMLMap.Parsed["items"][number]> {
    const known = this.#indexes.get(map);
    if (known !== undefined) return known;
    const index = new Map(map.items.map((pair) => [isScalar(pair.key) ? String(pair.key.value) : "", pair]));
    this.#indexes.set(map, index);
    return index;
  }
}

function placeOf(lines: LineCounter, at: number): Place {
  const { line, col } = lines.linePos(at);
  return { line: Math.max(line, 1), column: Math.max(col, 1) };
}

function plainPlace(text: string, at: number): Place {
  const before = text.slice(0, at);
  return { line: before.split("\n").length, column: at - before.lastIndexOf("\n") };
}

function refused(code: ErrorCode, message: string, place: Place): ParsedDocument {
  return { document: null, problems: [{ code, message, place }] };
}
