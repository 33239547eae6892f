/**
 * The line of an event, version 1: canonical JSON of the event with its hash put in before the closing brace, and LF. Specified with
 * worked examples in docs/formats/record.md. The line that is stored is what is hashed; nothing is ever serialised again to be hashed.
 */
import { canonicalJson } from "../base/canonical-json.ts";
import { type Digest, digestBytes, isDigest, taggedDigest } from "../base/digest.ts";
import { isJsonObject, type JsonObject, type JsonValue } from "../base/json-value.ts";
import { jsonOfText } from "../base/json-text.ts";
import { LilyError, messageOf } from "../base/lily-error.ts";
import { decodeUtf8, defaultJsonLimits } from "../base/parse-json.ts";
import type { LedgerEvent } from "../contracts/event.ts";
import { eventDataSchemas, type EventKind, isEventKind } from "../contracts/events.ts";
import { parseStreamId, type StreamId } from "../contracts/ids.ts";

/** Bytes from `,"hash":"sha256:` to the closing brace: what a checker cuts from a line without its LF. */
export const hashTailBytes = 82;
const hashTailStart = ',"hash":"sha256:';

/** An event before its kind is known: every member but the hash. `data` is an object. */
export interface EventEnvelope {
  readonly v: 1;
  readonly stream: StreamId;
  readonly seq: number;
  readonly prev: Digest | null;
  readonly token: number;
  readonly at: string;
  readonly by: string;
  readonly kind: string;
  readonly key: string;
  readonly data: JsonValue;
}

export interface EncodedLine {
  /** With its LF. */
  readonly line: string;
  readonly hash: Digest;
  /** Length of the line in UTF-8, LF included. */
  readonly byteLength: number;
}

const plain = /^[ !#-[\]-~]*$/;

function quoted(text: string): string {
  return plain.test(text) ? `"${text}"` : canonicalJson(text);
}

/** Canonical text of an event's data; fractions are allowed because metrics have them. */
export function dataText(data: JsonValue): string {
  return canonicalJson(data, { fractions: true });
}

/** Canonical text of a stored event's data, as it is in its line. */
export function eventDataText(event: LedgerEvent): string {
  // Data of every kind is JSON by its schema; the compiler wants an index signature that interfaces of schemas do not have.
  return dataText(event.data as unknown as JsonValue);
}

/** As `encodeEvent`, for data whose canonical text was already made. */
export function encodeLine(event: Omit<EventEnvelope, "data">, canonicalData: string): { readonly line: string; readonly hash: Digest } {
  const open = openText(event, canonicalData);
  const hash = taggedDigest("event", `${open}}`);
  return { line: `${open},"hash":"${hash}"}\n`, hash };
}

/** The canonical text of an event without its closing brace. */
function openText(event: Omit<EventEnvelope, "data">, canonicalData: string): string {
  const prev = event.prev === null ? "null" : `"${event.prev}"`;
  return (
    `{"at":${quoted(event.at)},"by":${quoted(event.by)},"data":${canonicalData},"key":${quoted(event.key)},"kind":"${event.kind}",` +
    `"prev":${prev},"seq":${event.seq},"stream":"${event.stream}","token":${event.token},"v":1`
  );
}

const encoder = new TextEncoder();

/** The stored line of an event. Throws JSON_NOT_CANONICAL when `data` is not what canonical JSON can say. */
export function encodeEvent(event: EventEnvelope): EncodedLine {
  const { line, hash } = encodeLine(event, dataText(event.data));
  return { line, hash, byteLength: encoder.encode(line).length };
}

/** The event before a line. What the line must say after it is compared, not parsed, and the texts of the event are used again. */
export type EventBefore = Pick<EventEnvelope, "stream" | "seq" | "token"> & { readonly hash: Digest };

/**
 * Takes a stored line apart (with or without its LF): hash over the bytes first, then one parse of the same bytes, then the
 * members, then the canonical form, which no line has that strict JSON would refuse. Knows no kinds. Throws LEDGER_LINE_INVALID or LEDGER_HASH_MISMATCH.
 */
export function decodeLine(lineBytes: Uint8Array, before?: EventBefore): { readonly envelope: EventEnvelope; readonly hash: Digest } {
  const end = lineBytes[lineBytes.length - 1] === 0x0a ? lineBytes.length - 1 : lineBytes.length;
  const text = lineText(lineBytes.subarray(0, end));
  const tailAt = text.length - hashTailBytes;
  if (tailAt < 1 || !text.startsWith(hashTailStart, tailAt) || !text.endsWith('"}')) throw invalid("it does not end with a hash");
  const computed = digestOfBody(lineBytes.subarray(0, end - hashTailBytes));
  const seen = text.slice(tailAt + 9, -2);
  if (seen !== computed) throw otherHash(seen, computed);
  return { envelope: (before === undefined ? null : followingEnvelope(text, tailAt, before)) ?? parsedEnvelope(text.slice(0, tailAt)), hash: computed };
}

function otherHash(seen: string, computed: Digest): LilyError {
  if (!isDigest(seen)) return invalid("it does not end with a hash");
  return new LilyError("LEDGER_HASH_MISMATCH", `the line says ${seen}, its bytes give ${computed}`, { details: { expected: computed, seen } });
}

const domainTag = encoder.encode("lily/event/v1\n");
/** Tag, line and brace of one line at a time; longer ones get room of their own. */
const hashedRoom = new Uint8Array(16 * 1024);
hashedRoom.set(domainTag);

/** The event digest of a body that lacks its closing brace. */
function digestOfBody(open: Uint8Array): Digest {
  const braceAt = domainTag.length + open.length;
  let room = hashedRoom;
  if (braceAt >= room.length) {
    room = new Uint8Array(braceAt + 1);
    room.set(domainTag);
  }
  room.set(open, domainTag.length);
  room[braceAt] = 0x7d;
  return digestBytes(room.subarray(0, braceAt + 1));
}

/**
 * The members of a line that says what follows `before`: its end is as canonical JSON writes it, so just the rest is parsed and written
 * again to be compared. Null when it is not; a whole parse then says what is there.
 */
function followingEnvelope(text: string, tailAt: number, before: EventBefore): EventEnvelope | null {
  const { stream, token, hash: prev } = before;
  const seq = before.seq + 1;
  const end = `","prev":"${prev}","seq":${seq},"stream":"${stream}","token":${token},"v":1`;
  const kindEnd = tailAt - end.length;
  if (text.slice(Math.max(0, kindEnd), tailAt) !== end) return null; // Slices, because startsWith compares unit by unit.
  const kindAt = text.lastIndexOf('"', kindEnd - 1) + 1;
  const startEnd = kindAt - kindName.length;
  const kind = text.slice(kindAt, kindEnd);
  if (!text.startsWith(kindName, startEnd) || !kindPattern.test(kind)) return null;
  const { at, by, data, key } = parsedBody(`${text.slice(0, startEnd)}}`);
  if (typeof at !== "string" || typeof by !== "string" || typeof key !== "string" || data === undefined || !isJsonObject(data)) return null;
  const start = `{"at":${quoted(at)},"by":${quoted(by)},"data":${reencoded(data)},"key":${quoted(key)}`;
  if (text.slice(0, startEnd) !== start) return null;
  return { v: 1, stream, seq, prev, token, at, by, kind, key, data };
}

const kindName = ',"kind":"';

function parsedEnvelope(open: string): EventEnvelope {
  const envelope = envelopeOf(parsedBody(`${open}}`));
  // Also what makes the plain parse strict: a key twice, another number or escape, or a space would not come back as they were.
  if (openText(envelope, reencoded(envelope.data)) !== open) throw invalid("it is not in canonical form");
  return envelope;
}

/**
 * The event of a stored line, checked down to the schema of its kind. Throws LEDGER_LINE_INVALID, LEDGER_HASH_MISMATCH,
 * LEDGER_KIND_UNKNOWN, or LEDGER_EVENT_INVALID.
 */
export function decodeEvent(lineBytes: Uint8Array, before?: EventBefore): LedgerEvent {
  const { envelope, hash } = decodeLine(lineBytes, before);
  const { kind } = envelope;
  if (!isEventKind(kind)) {
    throw new LilyError("LEDGER_KIND_UNKNOWN", `event ${envelope.seq} of ${envelope.stream} has the kind ${kind}, which this version does not know`, {
      details: { stream: envelope.stream, seq: envelope.seq, kind },
    });
  }
  return ledgerEvent(envelope, kind, checkedData(kind, envelope.data), hash);
}

/** Data that fits the schema of its kind, as a copy of its own. Throws LEDGER_EVENT_INVALID naming the first problem. */
export function checkedData(kind: EventKind, data: unknown): JsonValue {
  const checked = eventDataSchemas[kind].safeParse(data);
  if (checked.success) return checked.data as JsonValue;
  const issue = checked.error.issues[0];
  const place = issue === undefined ? "" : `/${issue.path.join("/")}: ${issue.message}`;
  throw new LilyError("LEDGER_EVENT_INVALID", `data of ${kind} does not fit its schema at ${place}`, { details: { kind } });
}

/** Joins members to an event. `data` must come from `checkedData` of this kind. */
export function ledgerEvent(envelope: EventEnvelope, kind: EventKind, data: JsonValue, hash: Digest): LedgerEvent {
  const { v, stream, seq, prev, token, at, by, key } = envelope;
  // The schema of the kind accepted the data; the compiler cannot connect a kind with its schema's output.
  return { v, stream, seq, prev, token, at, by, kind, key, data, hash } as unknown as LedgerEvent;
}

function lineText(bytes: Uint8Array): string {
  try {
    return decodeUtf8(bytes);
  } catch (cause) {
    throw new LilyError("LEDGER_LINE_INVALID", "the line is not valid UTF-8", { cause });
  }
}

/** Not strict by itself: the caller compares the canonical form of what was read with the line. */
function parsedBody(body: string): JsonObject {
  if (body.length > defaultJsonLimits.bytesMax) throw invalid(`it is longer than ${defaultJsonLimits.bytesMax} bytes`);
  let value: JsonValue;
  try {
    value = jsonOfText(body);
  } catch (cause) {
    throw new LilyError("LEDGER_LINE_INVALID", `the line is not JSON: ${messageOf(cause)}`, { cause });
  }
  if (!isJsonObject(value)) throw invalid("it is not an object");
  return value;
}

function reencoded(data: JsonValue): string {
  try {
    return dataText(data);
  } catch (cause) {
    throw new LilyError("LEDGER_LINE_INVALID", `the data of the line has no canonical form: ${messageOf(cause)}`, { cause });
  }
}

const kindPattern = /^[A-Z][A-Z0-9_]{0,63}$/;

/** Extra members need no check here: the canonical form of what is read would differ from the line. */
function envelopeOf(members: JsonObject): EventEnvelope {
  const { at, by, data, key, kind, prev, seq, stream, token, v } = members;
  if (v !== 1) throw new LilyError("LEDGER_KIND_UNKNOWN", `the line has version ${String(v)}; this version of Lily reads version 1`);
  if (typeof at !== "string" || typeof by !== "string" || typeof key !== "string") throw invalid("at, by and key must be texts");
  if (typeof kind !== "string" || !kindPattern.test(kind)) throw invalid("kind must be UPPER_SNAKE");
  if (!isCount(seq) || !isCount(token)) throw invalid("seq and token must be whole numbers from 0");
  if (prev !== null && !isDigest(prev)) throw invalid("prev must be a digest or null");
  if (data === undefined || !isJsonObject(data)) throw invalid("data must be an object");
  return { v, stream: streamOf(stream), seq, prev, token, at, by, kind, key, data };
}

function streamOf(stream: JsonValue | undefined): StreamId {
  if (typeof stream !== "string") throw invalid("stream must be a text");
  try {
    return parseStreamId(stream);
  } catch (cause) {
    throw new LilyError("LEDGER_LINE_INVALID", `the line is not an event: ${messageOf(cause)}`, { cause });
  }
}

function isCount(value: JsonValue | undefined): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}

function invalid(why: string): LilyError {
  return new LilyError("LEDGER_LINE_INVALID", `the line is not an event of version 1: ${why}`);
}
