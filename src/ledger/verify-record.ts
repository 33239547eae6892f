/**
 * Owns: the check of a record's bytes, piece by piece: each line's hash, its link, the sequence. Parses nothing.
 * Invariants
 * - L1 Every line names the hash of the one before it and counts one further.
 * - Every bit of a record takes part: in the hashed part of a line, in its hash, or in the fixed text around it.
 * Not responsible for: whether a line is canonical and known (`verifyStream`), and whether the record is the one that was promised
 * (workspace log).
 */
import { type Digest, isDigest, sha256Hex } from "../base/digest.ts";
import type { ErrorCode } from "../base/error-table.ts";
import type { StreamId } from "../contracts/ids.ts";
import { hashTailBytes } from "./event-line.ts";
import { ForeseenEnd } from "./foreseen-end.ts";

export interface RecordProblem {
  /** From 1. */
  readonly line: number;
  /** Byte offset of the line. */
  readonly offset: number;
  readonly code: ErrorCode;
  readonly message: string;
}

export interface RecordFacts {
  readonly events: number;
  /** Hash of the last line; null for an empty record. */
  readonly head: Digest | null;
  readonly bytes: number;
  /** At most `problemsMax`; the first one is where the damage starts. */
  readonly problems: readonly RecordProblem[];
  /** Head after as many events, for each number asked for that the record reaches. */
  readonly heads: ReadonlyMap<number, Digest>;
}

export interface RecordVerifierOptions {
  /** Without it, the first line says. */
  readonly stream?: StreamId;
  /** Sizes whose head is wanted, to compare with leaves of the workspace log. */
  readonly headsAt?: ReadonlySet<number>;
}

export const problemsMax = 100;

const encoder = new TextEncoder();
const domainTag = encoder.encode("lily/event/v1\n");
const hashStart = encoder.encode(',"hash":"sha256:');
const versionEnd = encoder.encode(',"v":1');
const tokenName = encoder.encode(',"token":');
const streamName = encoder.encode(',"stream":"');
const seqName = encoder.encode(',"seq":');
const prevNull = encoder.encode(',"prev":null');
const prevStart = encoder.encode(',"prev":"sha256:');
const hexBytes = 64;
const streamBytesMax = 160;

/** A line that is not what it must be; caught per line. */
interface LineFault {
  readonly code: ErrorCode;
  readonly message: string;
}

export class RecordVerifier {
  readonly #headsAt: ReadonlySet<number>;
  readonly #heads = new Map<number, Digest>();
  readonly #problems: RecordProblem[] = [];
  #stream: Uint8Array | null;
  /** Own copy of what is being checked; the tag is written before each line and the brace over its tail, so nothing is copied twice. */
  #buffer = new Uint8Array(64 * 1024);
  #view = new DataView(this.#buffer.buffer);
  readonly #hexRoom = new Uint8Array(hexBytes);
  readonly #hexView = new DataView(this.#hexRoom.buffer);
  #end = domainTag.length;
  #lines = 0;
  #nextSeq = 0;
  #offset = 0;
  #hex: string | null = null;
  /** False behind a line whose hash cannot be told. */
  #linked = true;
  /** What the next line must end with, up to its hash: most lines are compared with it in words and never walked. Null: walk. */
  #foreseen: ForeseenEnd | null = null;

  constructor(options: RecordVerifierOptions = {}) {
    this.#stream = options.stream === undefined ? null : encoder.encode(options.stream);
    this.#headsAt = options.headsAt ?? new Set();
  }

  push(piece: Uint8Array): void {
    this.#makeRoom(piece.length);
    this.#buffer.set(piece, this.#end);
    const before = this.#end;
    const filled = before + piece.length;
    let start = domainTag.length;
    // Searched in the piece, because a reader may give a kind of array that searches faster than this one.
    for (let at = piece.indexOf(0x0a); at !== -1; at = piece.indexOf(0x0a, at + 1)) {
      const lf = before + at;
      this.#line(start, lf);
      start = lf + 1;
    }
    this.#buffer.copyWithin(domainTag.length, start, filled);
    this.#end = domainTag.length + filled - start;
  }

  end(): RecordFacts {
    const rest = this.#end - domainTag.length;
    if (rest > 0) this.#report({ code: "LEDGER_LINE_INVALID", message: `${rest} bytes at the end are not a whole line` }, this.#lines + 1);
    const head = this.#hex === null ? null : `sha256:${this.#hex}`;
    return {
      events: this.#lines,
      head: isDigest(head) ? head : null,
      bytes: this.#offset + rest,
      problems: this.#problems,
      heads: this.#heads,
    };
  }

  #makeRoom(length: number): void {
    if (this.#end + length <= this.#buffer.length) return;
    const larger = new Uint8Array(Math.max(this.#buffer.length * 2, this.#end + length));
    larger.set(this.#buffer.subarray(0, this.#end));
    this.#buffer = larger;
    this.#view = new DataView(larger.buffer);
  }

  #line(start: number, lf: number): void {
    this.#lines++;
    const fault = this.#check(start, lf);
    if (fault !== null) this.#report(fault, this.#lines);
    this.#offset += lf + 1 - start;
    if (this.#headsAt.has(this.#lines)) this.#markHead();
  }

  #markHead(): void {
    const head = `sha256:${this.#hex ?? ""}`;
    if (isDigest(head)) this.#heads.set(this.#lines, head);
  }

  #check(start: number, lf: number): LineFault | null {
    const bodyEnd = lf - hashTailBytes;
    if (bodyEnd <= start || !this.#hasTail(bodyEnd, lf)) {
      this.#linked = false;
      this.#foreseen = null;
      this.#nextSeq++;
      return { code: "LEDGER_LINE_INVALID", message: "the line does not end with a hash" };
    }
    const hashAt = bodyEnd + hashStart.length;
    const asForeseen = this.#foreseen?.ends(this.#view, start, bodyEnd) ?? false;
    const link = asForeseen ? null : this.#checkLink(bodyEnd);
    const computed = this.#hashOf(start, bodyEnd);
    const same = this.#states(hashAt, computed);
    this.#hex = same ? computed : this.#latin(hashAt, hashAt + hexBytes);
    this.#linked = true;
    if (asForeseen) this.#nextSeq++;
    if (this.#foreseen?.follow(this.#view, hashAt) === false) this.#foreseen = null;
    if (same) return link;
    return { code: "LEDGER_HASH_MISMATCH", message: `the line says sha256:${this.#hex}, its bytes give sha256:${computed}` };
  }

  /** Writes the tag before the line and the brace behind it; both places are read no more. */
  #hashOf(start: number, bodyEnd: number): string {
    const buffer = this.#buffer;
    const tagAt = start - domainTag.length;
    for (let i = 0; i < domainTag.length; i++) buffer[tagAt + i] = domainTag[i] ?? 0;
    buffer[bodyEnd] = 0x7d;
    return sha256Hex(buffer.subarray(tagAt, bodyEnd + 1));
  }

  #hasTail(bodyEnd: number, lf: number): boolean {
    return matchesBytes(this.#buffer, bodyEnd, hashStart) && this.#buffer[lf - 2] === 0x22 && this.#buffer[lf - 1] === 0x7d;
  }

  /** Walks back from the end of the hashed members: v, token, stream, seq, prev. */
  #checkLink(bodyEnd: number): LineFault | null {
    this.#foreseen = null;
    let at = this.#back(bodyEnd, versionEnd);
    at = this.#back(this.#backDigits(at), tokenName);
    const stream = this.#streamBefore(at);
    if (stream === null) return this.#badShape();
    at = this.#backDigits(stream.start);
    const seq = stream.start > at && at >= 0 ? Number(this.#latin(at, stream.start)) : -1;
    at = this.#back(at, seqName);
    if (at < 0 || seq < 0) return this.#badShape();
    const expected = this.#nextSeq;
    this.#nextSeq = seq + 1;
    if (!stream.known) return { code: "LEDGER_CHAIN_BROKEN", message: "the event belongs to another stream" };
    if (seq !== expected) return { code: "LEDGER_CHAIN_BROKEN", message: `the event has sequence ${seq} where ${expected} must be` };
    const fault = this.#linked ? this.#checkPrev(at) : null;
    if (fault === null) this.#foreseen = new ForeseenEnd(this.#buffer.slice(at, bodyEnd));
    return fault;
  }

  #checkPrev(end: number): LineFault | null {
    const before = this.#hex;
    if (before === null) {
      return this.#back(end, prevNull) >= 0 ? null : { code: "LEDGER_CHAIN_BROKEN", message: "the first event names one before it" };
    }
    const hexAt = end - 1 - hexBytes;
    const fits = this.#buffer[end - 1] === 0x22 && this.#back(hexAt, prevStart) >= 0 && this.#states(hexAt, before);
    return fits ? null : { code: "LEDGER_CHAIN_BROKEN", message: `the event does not name the one before it, sha256:${before}` };
  }

  /** The stream member that ends at `end`: where it starts, and whether it is the stream of this record. */
  #streamBefore(end: number): { readonly start: number; readonly known: boolean } | null {
    if (end < 1 || this.#buffer[end - 1] !== 0x22) return null;
    const known = this.#stream;
    if (known !== null) {
      const start = this.#back(this.#back(end - 1, known), streamName);
      if (start >= 0) return { start, known: true };
    }
    const nameStart = this.#buffer.lastIndexOf(0x22, end - 2) + 1;
    const start = this.#back(nameStart, streamName);
    if (start < 0 || end - nameStart > streamBytesMax) return null;
    if (known === null) this.#stream = this.#buffer.slice(nameStart, end - 1);
    return { start, known: known === null };
  }

  #badShape(): LineFault {
    this.#nextSeq++;
    return { code: "LEDGER_LINE_INVALID", message: "the line does not end as an event of version 1 does" };
  }

  /** Where `pattern` starts when it ends at `end`, else -1. Stays -1 once it is. */
  #back(end: number, pattern: Uint8Array): number {
    const start = end - pattern.length;
    return start >= 0 && matchesBytes(this.#buffer, start, pattern) ? start : -1;
  }

  #backDigits(end: number): number {
    let at = end;
    while (at > 0 && isDigit(this.#buffer[at - 1])) at--;
    return at === end ? -1 : at;
  }

  /** Whether `hex` is written at `at`. */
  #states(at: number, hex: string): boolean {
    encoder.encodeInto(hex, this.#hexRoom);
    for (let i = 0; i < hexBytes; i += 4) if (this.#view.getUint32(at + i) !== this.#hexView.getUint32(i)) return false;
    return true;
  }

  #latin(from: number, to: number): string {
    let text = "";
    for (let at = from; at < to; at++) text += String.fromCharCode(this.#buffer[at] ?? 0);
    return text;
  }

  #report(fault: LineFault, line: number): void {
    if (this.#problems.length < problemsMax) this.#problems.push({ line, offset: this.#offset, ...fault });
  }
}

function matchesBytes(bytes: Uint8Array, at: number, pattern: Uint8Array): boolean {
  for (let i = 0; i < pattern.length; i++) if (bytes[at + i] !== pattern[i]) return false;
  return true;
}

function isDigit(byte: number | undefined): boolean {
  return byte !== undefined && byte >= 0x30 && byte <= 0x39;
}

/** Checks the whole bytes of a record at once. */
export function verifyRecordBytes(bytes: Uint8Array, options: RecordVerifierOptions = {}): RecordFacts {
  const verifier = new RecordVerifier(options);
  for (let at = 0; at < bytes.length; at += 1 << 20) verifier.push(bytes.subarray(at, at + (1 << 20)));
  return verifier.end();
}
