/**
 * Owns: one output stream of a command on its way to a file: redacted, then cut at a byte limit, then written in order.
 * States: empty -> writing -> ended. Invariants: 1. nothing unredacted is written (S4); 2. the file exists only when a byte was
 * written, and is never one that was there before (E2); 3. what waits in memory is bounded: the source is paused while writing lags.
 * Not responsible for: ending the process when `onLimit` or `onFailure` is called.
 */
import { close, mkdirSync, open, write } from "node:fs";
import { dirname } from "node:path";
import type { Readable } from "node:stream";
import { promisify } from "node:util";
import { messageOf } from "../../base/lily-error.ts";
import { createRedactor, type Redactor } from "./redactor.ts";

const openFile = promisify(open);
const writeFile = promisify(write);
const closeFile = promisify(close);
const waitingBytesMax = 512 * 1024;

export interface LogSinkOptions {
  readonly path: string;
  readonly bytesMax: number;
  readonly redact: readonly string[];
  /** Bytes of the end to remember as text; 0 for none. */
  readonly tailBytes: number;
  readonly onLimit: () => void;
  readonly onFailure: (message: string) => void;
}

export class LogSink {
  readonly #options: LogSinkOptions;
  readonly #redactor: Redactor;
  readonly #waiting: Buffer[] = [];
  #source: Readable | null = null;
  #waitingBytes = 0;
  #bytes = 0;
  #cut = false;
  #failed = false;
  #file: number | null = null;
  #writing: Promise<void> | null = null;
  #tail: Buffer = Buffer.alloc(0);

  constructor(options: LogSinkOptions) {
    this.#options = options;
    this.#redactor = createRedactor(options.redact);
  }

  /** Bytes kept. */
  get bytes(): number {
    return this.#bytes;
  }

  get cut(): boolean {
    return this.#cut;
  }

  /** The end of what was kept, as text that starts at a whole character. */
  get tail(): string {
    let start = Math.max(0, this.#tail.length - this.#options.tailBytes);
    if (start > 0) while (start < this.#tail.length && ((this.#tail[start] ?? 0) & 0xc0) === 0x80) start++;
    return this.#tail.toString("utf8", start);
  }

  attach(source: Readable): void {
    this.#source = source;
    source.on("data", (chunk: Buffer) => this.#take(this.#redactor.push(chunk)));
    // A broken pipe ends the stream like any other end; what came before it is kept.
    source.on("error", () => undefined);
  }

  /** Writes what is held back and closes the file. */
  async end(): Promise<void> {
    this.#source = null;
    this.#take(this.#redactor.flush());
    while (this.#writing !== null) await this.#writing;
    if (this.#file !== null) await closeFile(this.#file).catch((thrown: unknown) => this.#fail(thrown));
    this.#file = null;
  }

  #take(bytes: Buffer): void {
    if (bytes.length === 0 || this.#cut || this.#failed) return;
    const room = this.#options.bytesMax - this.#bytes;
    const kept = bytes.length > room ? bytes.subarray(0, room) : bytes;
    this.#keep(kept);
    if (kept.length === bytes.length) return;
    this.#cut = true;
    this.#options.onLimit();
  }

  #keep(bytes: Buffer): void {
    if (bytes.length === 0) return;
    this.#bytes += bytes.length;
    if (this.#options.tailBytes > 0) this.#tail = lastBytes(this.#tail, bytes, this.#options.tailBytes + 4);
    this.#waiting.push(bytes);
    this.#waitingBytes += bytes.length;
    if (this.#waitingBytes > waitingBytesMax) this.#source?.pause();
    this.#writing ??= this.#writeAll();
  }

  async #writeAll(): Promise<void> {
    try {
      this.#file ??= await openNew(this.#options.path);
      for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) {
        await writeWhole(this.#file, next);
        this.#waitingBytes -= next.length;
        if (this.#waitingBytes <= waitingBytesMax) this.#source?.resume();
      }
    } catch (thrown) {
      this.#fail(thrown);
    } finally {
      this.#writing = null;
    }
  }

  #fail(thrown: unknown): void {
    this.#failed = true;
    this.#cut = true;
    this.#waiting.length = 0;
    this.#waitingBytes = 0;
    this.#source?.resume();
    this.#options.onFailure(`the log ${this.#options.path} cannot be written: ${messageOf(thrown)}`);
  }
}

async function writeWhole(file: number, bytes: Buffer): Promise<void> {
  for (let at = 0; at < bytes.length; ) {
    const { bytesWritten } = await writeFile(file, bytes, at, bytes.length - at, null);
    at += bytesWritten;
  }
}

function lastBytes(before: Buffer, bytes: Buffer, count: number): Buffer {
  if (bytes.length >= count) return Buffer.from(bytes.subarray(bytes.length - count));
  const joined = Buffer.concat([before, bytes]);
  return joined.length > count ? joined.subarray(joined.length - count) : joined;
}

/** The folder is made with the first byte, so that a command that says nothing leaves nothing. */
async function openNew(path: string): Promise<number> {
  try {
    return await openFile(path, "wx", 0o600);
  } catch (thrown) {
    if (!(thrown instanceof Error && "code" in thrown && thrown.code === "ENOENT")) throw thrown;
    mkdirSync(dirname(path), { recursive: true });
    return openFile(path, "wx", 0o600);
  }
}
