/** The two documents of a hash gate, read strictly: the passed flag and the index. Pure. */
import type { Hex64 } from "../base/digest.ts";
import { isJsonObject, type JsonObject, type JsonValue } from "../base/json-value.ts";
import { messageOf } from "../base/lily-error.ts";
import { decodeUtf8, parseJson } from "../base/parse-json.ts";
import { relativePathProblem } from "../base/relative-path.ts";
import { type HashLawProblem, hashLawProblem } from "./hash-law-verdict.ts";

/** What an index lists, in its order. */
export interface IndexMember {
  /** As written; null for a member that names no file. */
  readonly path: string | null;
  readonly sha256: Hex64 | null;
}

export const defaultDigestField = "sha256_hex";
const flagPattern = /^sha256_hex = ([0-9a-f]{64})\r?\n?$/;
const listNames = ["items", "members", "entries", "files"] as const;

/** The digest that a passed flag claims: the line `sha256_hex = <hex64>`, or a JSON object with the digest field. */
export function parseFlag(bytes: Uint8Array, digestField: string | null, path: string): Hex64 | HashLawProblem {
  try {
    const text = decodeUtf8(bytes);
    const line = flagPattern.exec(text)?.[1];
    if (line !== undefined) return line as Hex64;
    if (!text.trimStart().startsWith("{"))
      return hashLawProblem("FLAG_INVALID", path, `${path} is neither the line sha256_hex = <64 lowercase hex digits> nor a JSON object`);
    return flagField(parseJson(text), digestField ?? defaultDigestField, path);
  } catch (thrown) {
    return hashLawProblem("FLAG_INVALID", path, `${path} cannot be read as a flag: ${messageOf(thrown)}`);
  }
}

function flagField(value: JsonValue, field: string, path: string): Hex64 | HashLawProblem {
  const digest = isJsonObject(value) && Object.hasOwn(value, field) ? value[field] : undefined;
  if (digest === undefined) return hashLawProblem("FLAG_FIELD_MISSING", path, `${path} has no member ${field}`);
  if (isHex64(digest)) return digest;
  return hashLawProblem("FLAG_INVALID", path, `member ${field} of ${path} is not 64 lowercase hex digits`);
}

/** The members of an index: a list, or an object with `items`, `members`, `entries` or `files`; each a path or an object with `path`. */
export function parseIndex(bytes: Uint8Array, path: string): readonly IndexMember[] | HashLawProblem {
  try {
    const list = listOf(parseJson(bytes), path);
    if (!Array.isArray(list)) return list as HashLawProblem;
    if (list.length === 0) return hashLawProblem("INDEX_EMPTY", path, `${path} lists no files; empty evidence never verifies`);
    return members(list as readonly JsonValue[], path);
  } catch (thrown) {
    return hashLawProblem("INDEX_INVALID", path, `${path} cannot be read as an index: ${messageOf(thrown)}`);
  }
}

function listOf(value: JsonValue, path: string): readonly JsonValue[] | HashLawProblem {
  if (Array.isArray(value)) return value as readonly JsonValue[];
  const lists = isJsonObject(value) ? listNames.filter((name) => Array.isArray(value[name])) : [];
  const [name, second] = lists;
  if (isJsonObject(value) && name !== undefined && second === undefined) return value[name] as readonly JsonValue[];
  const why = second === undefined ? "holds none of the lists items, members, entries, files" : `holds more than one list: ${lists.join(", ")}`;
  return hashLawProblem("INDEX_INVALID", path, `${path} ${why}`);
}

function members(list: readonly JsonValue[], path: string): readonly IndexMember[] | HashLawProblem {
  const found: IndexMember[] = [];
  const seen = new Set<string>();
  for (const [i, item] of list.entries()) {
    const member = memberOf(item);
    if (member === null) return hashLawProblem("INDEX_INVALID", path, `entry ${i} of ${path} is neither a path nor an object with a path or a sha256_hex`);
    found.push(member);
    if (member.path === null) continue;
    const problem = relativePathProblem(member.path);
    if (problem !== null)
      return hashLawProblem("PATH_ESCAPES", member.path, `entry ${i} of ${path}: the path ${JSON.stringify(member.path.slice(0, 200))} ${problem}`);
    if (seen.has(member.path)) return hashLawProblem("PATH_DUPLICATE", member.path, `${path} lists ${member.path} more than once`);
    seen.add(member.path);
  }
  return found;
}

function memberOf(item: JsonValue): IndexMember | null {
  if (typeof item === "string") return { path: item, sha256: null };
  if (!isJsonObject(item)) return null;
  const path = item["path"] ?? null;
  const sha256 = item[defaultDigestField] ?? item["sha256"] ?? null;
  if (path !== null && typeof path !== "string") return null;
  if (sha256 !== null && !isHex64(sha256)) return null;
  return path === null && sha256 === null ? null : { path, sha256 };
}

export function isHex64(value: JsonValue): value is Hex64 {
  return typeof value === "string" && /^[0-9a-f]{64}$/.test(value);
}

/** The value at an RFC 6901 pointer; undefined when there is none. */
export function atPointer(document: JsonValue, pointer: string): JsonValue | undefined {
  if (pointer === "") return document;
  if (!pointer.startsWith("/")) return undefined;
  let value: JsonValue | undefined = document;
  for (const token of pointer.slice(1).split("/")) value = member(value, token.replaceAll("~1", "/").replaceAll("~0", "~"));
  return value;
}

function member(value: JsonValue | undefined, name: string): JsonValue | undefined {
  if (Array.isArray(value)) return /^(?:0|[1-9]\d*)$/.test(name) ? (value as readonly JsonValue[])[Number(name)] : undefined;
  if (!isJsonObject(value)) return undefined;
  const object: JsonObject = value;
  return Object.hasOwn(object, name) ? object[name] : undefined;
}
