/**
 * The line of an event, version 1: canonical JSON of the event with its hash put in before the closing brace, and LF. Specified with
 * worked examples in docs/formats/record.md. The line that is stored is what is hashed; nothing is ever serialised again to be hashed.
 */
import { canonicalJson } from "../base/canonical-json.ts";
import { type Digest, isDigest, taggedDigest } from "../base/digest.ts";
import { isJsonObject, type JsonObject, type JsonValue } from "../base/json-value.ts";
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

/**
 * Takes a stored line apart (with or without its LF): hash over the bytes first, then one parse of the same bytes, then the
 * members, then the canonical form, which no line has that strict JSON would refuse. Knows no kinds. Throws LEDGER_LINE_INVALID or LEDGER_HASH_MISMATCH.
 */
export function decodeLine(lineBytes: Uint8Array): { readonly envelope: EventEnvelope; readonly hash: Digest } {
  const end = lineBytes[lineBytes.length - 1] === 0x0a ? lineBytes.length - 1 : lineBytes.length;
  const text = lineText(lineBytes.subarray(0, end));
  const tailAt = text.length - hashTailBytes;
  const hash = text.slice(tailAt + 9, -2);
  if (tailAt < 1 || !text.startsWith(hashTailStart, tailAt) || !text.endsWith('"}')) throw invalid("it does not end with a hash");
  const body = `${text.slice(0, tailAt)}}`;
  const computed = taggedDigest("event", body);
  if (computed !== hash) {
    if (!isDigest(hash)) throw invalid("it does not end with a hash");
    throw new LilyError("LEDGER_HASH_MISMATCH", `the line says ${hash}, its bytes give ${computed}`, { details: { expected: computed, seen: hash } });
  }
  const envelope = envelopeOf(parsedBody(body));
  // Also what makes the plain parse strict: a key twice, another number or escape, or a space would not come back as they were.
  if (openText(envelope, reencoded(envelope.data)) !== text.slice(0, tailAt)) throw invalid("it is not in canonical form");
  return { envelope, hash: computed };
}

/**
 * The event of a stored line, checked down to the schema of its kind. Throws LEDGER_LINE_INVALID, LEDGER_HASH_MISMATCH,
 * LEDGER_KIND_UNKNOWN, or LEDGER_EVENT_INVALID.
 */
export function decodeEvent(lineBytes: Uint8Array): LedgerEvent {
  const { envelope, hash } = decodeLine(lineBytes);
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
    value = JSON.parse(body);
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
