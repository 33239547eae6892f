/**
 * Owns: the check of a record's bytes as a report does it in the reader's browser: each line's hash, its links, and what seals count.
 * Invariants
 * - L1 The first line that does not fit is named, with its number and kind; nothing behind it is believed.
 * - What runs in the page is what runs here: the page holds the text of this very function, so it names nothing from outside of itself but
 *   what ECMAScript and every browser have.
 * Not responsible for: whether lines are canonical and fit their schemas (ledger/verify-stream), whose record it is (report-anchor).
 */

/** Where a record stops being what was recorded. */
export interface ReportProblem {
  /** Number of the event, from 0. */
  readonly event: number;
  /** Null when the line does not tell it. */
  readonly kind: string | null;
  readonly message: string;
}

export interface CheckedRecord {
  /** Lines before the first problem, without LF. */
  readonly lines: readonly string[];
  /** Hash of each of these lines, in order. */
  readonly hashes: readonly string[];
  readonly bytes: number;
  readonly problem: ReportProblem | null;
}

/** What a seal is compared with. */
export interface SealedEvent {
  readonly seq: number;
  readonly kind: string;
  readonly data: object;
}

export interface ReportChecker {
  /** SHA-256 in 64 lowercase hex digits. */
  sha256(bytes: Uint8Array): string;
  checkRecord(bytes: Uint8Array): CheckedRecord;
  /** The first seal that counts other than the events before it do. */
  checkSeals(events: readonly SealedEvent[]): ReportProblem | null;
}

export function reportChecker(): ReportChecker {
  const encoder = new TextEncoder();
  const roundConstants = new Int32Array(64);
  const startState = new Int32Array(8);
  fillConstants();

  /** First 32 bits of the fractional parts of roots of the first primes (FIPS 180-4, 4.2.2 and 5.3.3). */
  function fillConstants(): void {
    let found = 0;
    for (let candidate = 2; found < 64; candidate++) {
      let isPrime = true;
      for (let divisor = 2; divisor * divisor <= candidate; divisor++) if (candidate % divisor === 0) isPrime = false;
      if (!isPrime) continue;
      if (found < 8) startState[found] = fraction(Math.sqrt(candidate));
      roundConstants[found++] = fraction(Math.cbrt(candidate));
    }
  }

  function fraction(value: number): number {
    return Math.floor((value - Math.floor(value)) * 4294967296) | 0;
  }

  const words = new Int32Array(64);

  function sha256(bytes: Uint8Array): string {
    const blocks = (bytes.length + 9 + 63) >> 6;
    const state = startState.slice();
    const whole = bytes.length >> 6;
    const rest = new Uint8Array((blocks - whole) * 64);
    rest.set(bytes.subarray(whole * 64));
    rest[bytes.length - whole * 64] = 0x80;
    const view = new DataView(rest.buffer);
    view.setUint32(rest.length - 8, Math.floor(bytes.length / 536870912));
    view.setUint32(rest.length - 4, (bytes.length << 3) >>> 0);
    for (let block = 0; block < whole; block++) mix(state, bytes, block * 64);
    for (let at = 0; at < rest.length; at += 64) mix(state, rest, at);
    let hex = "";
    for (let i = 0; i < 8; i++) hex += ((state[i] ?? 0) >>> 0).toString(16).padStart(8, "0");
    return hex;
  }

  function mix(state: Int32Array, bytes: Uint8Array, start: number): void {
    const w = words;
    for (let i = 0, at = start; i < 16; i++, at += 4) {
      w[i] = ((bytes[at] ?? 0) << 24) | ((bytes[at + 1] ?? 0) << 16) | ((bytes[at + 2] ?? 0) << 8) | (bytes[at + 3] ?? 0);
    }
    for (let i = 16; i < 64; i++) {
      const x = w[i - 15] ?? 0;
      const y = w[i - 2] ?? 0;
      const s0 = ((x >>> 7) | (x << 25)) ^ ((x >>> 18) | (x << 14)) ^ (x >>> 3);
      const s1 = ((y >>> 17) | (y << 15)) ^ ((y >>> 19) | (y << 13)) ^ (y >>> 10);
      w[i] = ((w[i - 16] ?? 0) + s0 + (w[i - 7] ?? 0) + s1) | 0;
    }
    let [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0, g = 0, h = 0] = state;
    for (let i = 0; i < 64; i++) {
      const s1 = ((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7));
      const t1 = (h + s1 + ((e & f) ^ (~e & g)) + (roundConstants[i] ?? 0) + (w[i] ?? 0)) | 0;
      const s0 = ((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10));
      const t2 = (s0 + ((a & b) ^ (a & c) ^ (b & c))) | 0;
      h = g;
      g = f;
      f = e;
      e = (d + t1) | 0;
      d = c;
      c = b;
      b = a;
      a = (t1 + t2) | 0;
    }
    const sums = [a, b, c, d, e, f, g, h];
    for (let i = 0; i < 8; i++) state[i] = ((state[i] ?? 0) + (sums[i] ?? 0)) | 0;
  }

  /** From `,"hash":"sha256:` to the closing brace. */
  const tailBytes = 82;
  const tag = encoder.encode("lily/event/v1\n");
  const endPattern =
    /,"kind":"([A-Z][A-Z0-9_]{0,63})","prev":(null|"sha256:[0-9a-f]{64}"),"seq":(0|[1-9]\d{0,15}),"stream":"([^"\\]{1,200})","token":\d{1,16},"v":1$/;
  const tailPattern = /^,"hash":"(sha256:[0-9a-f]{64})"}$/;

  function checkRecord(bytes: Uint8Array): CheckedRecord {
    const lines: string[] = [];
    const hashes: string[] = [];
    let stream: string | null = null;
    let problem: ReportProblem | null = null;
    for (let start = 0; start < bytes.length && problem === null; ) {
      const lf = bytes.indexOf(0x0a, start);
      const event = lines.length;
      if (lf === -1) {
        problem = { event, kind: kindIn(bytes.subarray(start)), message: `the record ends with ${bytes.length - start} bytes that are not a whole line` };
        break;
      }
      const line = bytes.subarray(start, lf);
      const found = checkLine(line, event, hashes.at(-1) ?? null, stream);
      if ("message" in found) problem = { event, kind: kindIn(line), message: found.message };
      else {
        lines.push(found.text);
        hashes.push(found.hash);
        stream = found.stream;
      }
      start = lf + 1;
    }
    if (bytes.length === 0) problem = { event: 0, kind: null, message: "the record is empty" };
    return { lines, hashes, bytes: bytes.length, problem };
  }

  function checkLine(
    line: Uint8Array,
    event: number,
    prev: string | null,
    stream: string | null,
  ): { readonly message: string } | { readonly text: string; readonly hash: string; readonly stream: string } {
    const bodyEnd = line.length - tailBytes;
    const text = textOf(line);
    if (text === null) return { message: "its line is not UTF-8 text" };
    const stated = bodyEnd < 1 ? null : tailPattern.exec(text.slice(-tailBytes));
    if (stated === null) return { message: "its line does not end with a hash" };
    const hashed = new Uint8Array(tag.length + bodyEnd + 1);
    hashed.set(tag);
    hashed.set(line.subarray(0, bodyEnd), tag.length);
    hashed[hashed.length - 1] = 0x7d;
    const hash = `sha256:${sha256(hashed)}`;
    if (hash !== stated[1]) return { message: `it states the hash ${stated[1] ?? "none"}, and its bytes give ${hash}` };
    const end = endPattern.exec(text.slice(0, -tailBytes));
    if (end === null) return { message: "its line does not end as an event of version 1 does" };
    const [, , statedPrev, seq, statedStream = ""] = end;
    if (Number(seq) !== event) return { message: `it has the number ${seq} where ${event} must be` };
    if (statedPrev !== (prev === null ? "null" : `"${prev}"`)) return { message: `it does not name the event before it, ${prev ?? "none"}` };
    if (stream !== null && statedStream !== stream) return { message: `it belongs to ${statedStream}, not to ${stream}` };
    return { text, hash, stream: statedStream };
  }

  function textOf(line: Uint8Array): string | null {
    try {
      return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(line);
    } catch {
      return null;
    }
  }

  function kindIn(line: Uint8Array): string | null {
    const found = [...new TextDecoder().decode(line).matchAll(/"kind":"([A-Z][A-Z0-9_]{0,63})","prev":/g)].at(-1);
    return found?.[1] ?? null;
  }

  const countedAs = new Map([
    ["STEP_STARTED", "attempts"],
    ["STEP_REUSED", "reuses"],
    ["ARTIFACT_STORED", "artifacts"],
    ["POLICY_VIOLATION", "violations"],
    ["ROUTE_TAKEN", "routes"],
    ["SIDE_EFFECT_OBSERVED", "effects"],
    ["GATE_PASSED", "gates"],
    ["GATE_FAILED", "gates"],
    ["GATE_ERROR", "gates"],
  ]);

  function checkSeals(events: readonly SealedEvent[]): ReportProblem | null {
    const counts = new Map<string, number>();
    for (const { seq, kind, data } of events) {
      const name = "dry_run" in data && data.dry_run === true ? undefined : countedAs.get(kind);
      if (name !== undefined) counts.set(name, (counts.get(name) ?? 0) + 1);
      const message = kind === "RUN_SEALED" ? sealMessage(seq, data, counts) : null;
      if (message !== null) return { event: seq, kind, message };
    }
    return null;
  }

  function sealMessage(seq: number, data: object, counts: ReadonlyMap<string, number>): string | null {
    if (!("events" in data) || data.events !== seq) return `it seals ${"events" in data ? String(data.events) : "no"} events, and ${seq} are before it`;
    const stated = "counts" in data && typeof data.counts === "object" && data.counts !== null ? Object.entries(data.counts) : [];
    for (const [name, count] of stated) {
      // How many steps there are is in the plan, not in the events.
      if (name !== "steps" && count !== (counts.get(name) ?? 0)) return `it counts ${String(count)} ${name}, and ${counts.get(name) ?? 0} are before it`;
    }
    return null;
  }

  return { sha256, checkRecord, checkSeals };
}
