import { type Digest, isDigest, taggedDigest } from "../base/digest.ts";
import { LilyError } from "../base/lily-error.ts";
import { decodeUtf8 } from "../base/parse-json.ts";
import type { LedgerEvent } from "../contracts/event.ts";
import type { StreamId } from "../contracts/ids.ts";
import type { StreamHead } from "../ports/journal.ts";
import { committedBytes, type RecordParts } from "./committed-bytes.ts";
import { decodeEvent, hashTailBytes } from "./event-line.ts";
import { LineSplitter, type PlacedLine } from "./line-splitter.ts";

/** A place between two events of a stream: what comes next, and what it must link to. */
export interface ChainPosition {
  readonly seq: number;
  readonly offset: number;
  readonly hash: Digest | null;
}

export const chainStart: ChainPosition = { seq: 0, offset: 0, hash: null };

export interface ChainStep {
  /** Events from `decodeFrom` on, with the offset of each line. */
  readonly events: readonly { readonly event: LedgerEvent; readonly offset: number }[];
  /** Behind the last line of this step, decoded or not. */
  readonly position: ChainPosition;
}

/**
 * Reads committed lines in order and checks every link (L1): hash of the bytes, `prev`, `seq`, `stream`, and at the end the head.
 * Events below `decodeFrom` are checked but not parsed. Throws LEDGER_CHAIN_BROKEN, LEDGER_HASH_MISMATCH, LEDGER_LINE_INVALID,
 * LEDGER_KIND_UNKNOWN, LEDGER_EVENT_INVALID, LEDGER_DAMAGED with the line and offset in the details.
 */
export async function* readChain(parts: RecordParts, head: StreamHead, from: ChainPosition, decodeFrom: number): AsyncGenerator<ChainStep, void, void> {
  const splitter = new LineSplitter(from.offset);
  let position = from;
  for await (const piece of committedBytes(parts, head, from.offset)) {
    const events: { event: LedgerEvent; offset: number }[] = [];
    for (const line of splitter.push(piece)) {
      position = stepOver(line, head.stream, position, decodeFrom, events);
    }
    yield { events, position };
  }
  checkEnd(head, position, splitter.rest);
}

function stepOver(line: PlacedLine, stream: StreamId, at: ChainPosition, decodeFrom: number, events: { event: LedgerEvent; offset: number }[]): ChainPosition {
  try {
    const decoded = at.seq >= decodeFrom ? decodeEvent(line.bytes, events.at(-1)?.event) : null;
    const link = decoded ?? linkOf(line.bytes);
    checkLink(link, stream, at);
    if (decoded !== null) events.push({ event: decoded, offset: line.offset });
    return { seq: at.seq + 1, offset: line.offset + line.bytes.length, hash: link.hash };
  } catch (thrown) {
    throw placed(thrown, stream, at.seq, line.offset);
  }
}

interface Link {
  readonly stream: string;
  readonly seq: number;
  readonly prev: Digest | null;
  readonly hash: Digest;
}

const linkPattern =
  /,"prev":(?:null|"(sha256:[0-9a-f]{64})"),"seq":(\d{1,16}),"stream":"([^"\\]{1,160})","token":\d{1,16},"v":1,"hash":"(sha256:[0-9a-f]{64})"\}\n$/;

/** The link members of a line whose bytes give its hash, without parsing the rest. */
export function linkOf(line: Uint8Array): Link {
  const text = decodedText(line);
  const match = linkPattern.exec(text.slice(-640));
  const hash = match?.[4];
  if (match === null || !isDigest(hash)) throw new LilyError("LEDGER_LINE_INVALID", "the line does not end as an event of version 1 does");
  const computed = taggedDigest("event", `${text.slice(0, -hashTailBytes - 1)}}`);
  if (computed !== hash) throw new LilyError("LEDGER_HASH_MISMATCH", `the line says ${hash}, its bytes give ${computed}`);
  return { stream: match[3] ?? "", seq: Number(match[2]), prev: isDigest(match[1]) ? match[1] : null, hash };
}

function decodedText(line: Uint8Array): string {
  try {
    return decodeUtf8(line);
  } catch (cause) {
    throw new LilyError("LEDGER_LINE_INVALID", "the line is not valid UTF-8", { cause });
  }
}

function checkLink(link: Link, stream: StreamId, at: ChainPosition): void {
  if (link.stream !== stream) throw new LilyError("LEDGER_CHAIN_BROKEN", `the event belongs to ${link.stream}`);
  if (link.seq !== at.seq) throw new LilyError("LEDGER_CHAIN_BROKEN", `the event has sequence ${link.seq} where ${at.seq} must be`);
  if (link.prev !== at.hash)
    throw new LilyError("LEDGER_CHAIN_BROKEN", `the event names ${link.prev ?? "nothing"} as the one before it, which is ${at.hash ?? "nothing"}`);
}

function checkEnd(head: StreamHead, at: ChainPosition, rest: number): void {
  if (rest === 0 && at.seq === head.size && at.hash === head.hash && at.offset === head.bytes) return;
  throw new LilyError(
    "LEDGER_DAMAGED",
    `${head.stream} was committed up to event ${head.size} with head ${head.hash ?? "none"}; its bytes hold ${at.seq} events with head ${at.hash ?? "none"}`,
    { details: { stream: head.stream, offset: at.offset, expected: head.size, seen: at.seq } },
  );
}

function placed(thrown: unknown, stream: StreamId, seq: number, offset: number): unknown {
  if (!(thrown instanceof LilyError)) return thrown;
  return new LilyError(thrown.code, `${stream}, line ${seq + 1} at byte ${offset}: ${thrown.message}`, {
    cause: thrown,
    details: { ...thrown.details, stream, line: seq + 1, offset },
  });
}
