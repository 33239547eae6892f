/**
 * Owns: record files in memory over a disk that loses what was not synced. Several openings of one disk are several processes.
 * Hostile: calls take a seeded number of turns; `crash` keeps any subset of the unsynced writes and may tear the last one it keeps.
 */
import { digestBytes, hexOf } from "../../base/digest.ts";
import { LilyError } from "../../base/lily-error.ts";
import { runOfStream, type StreamId } from "../../contracts/ids.ts";
import type { Clock } from "../../ports/clock.ts";
import type { RecordFiles } from "../../ports/record-files.ts";
import { SeededTurns } from "./seeded-turns.ts";

interface Write {
  readonly offset: number;
  readonly bytes: Uint8Array;
}

interface DiskFile {
  /** What survives a crash. */
  durable: Uint8Array;
  /** What readers see. */
  current: Uint8Array;
  unsynced: Write[];
}

export class MemoryDisk {
  readonly files = new Map<StreamId, DiskFile>();
  readonly quarantine = new Map<string, Uint8Array>();
  /** Syncs so far, by stream. */
  readonly syncs: StreamId[] = [];
  #failure: "STORAGE_FULL" | "STORAGE_FAILED" | null = null;
  #cuts = 0;

  /** Power cuts so far: whoever opened the disk before the last one is dead. */
  get cuts(): number {
    return this.#cuts;
  }

  /** The next write or sync fails. */
  failNext(code: "STORAGE_FULL" | "STORAGE_FAILED"): void {
    this.#failure = code;
  }

  takeFailure(): void {
    const code = this.#failure;
    this.#failure = null;
    if (code !== null) throw new LilyError(code, "the disk failed as the test asked");
  }

  /** A power cut: unsynced writes survive or not, in any combination; the last that does may be torn. Ends every process. */
  crash(choose: (below: number) => number): void {
    this.#cuts++;
    for (const file of this.files.values()) {
      const kept = file.unsynced.filter(() => choose(2) === 1);
      const last = kept.pop();
      for (const write of kept) file.durable = written(file.durable, write);
      if (last !== undefined) file.durable = written(file.durable, { ...last, bytes: last.bytes.slice(0, choose(last.bytes.length + 1)) });
      file.unsynced = [];
      file.current = file.durable.slice();
    }
  }

  file(stream: StreamId): DiskFile {
    let file = this.files.get(stream);
    if (file === undefined) {
      file = { durable: new Uint8Array(0), current: new Uint8Array(0), unsynced: [] };
      this.files.set(stream, file);
    }
    return file;
  }

  /** Changes what is durable, as damage or a person would. */
  edit(stream: StreamId, change: (bytes: Uint8Array) => Uint8Array): void {
    const file = this.file(stream);
    file.current = change(file.current.slice());
    file.durable = file.current.slice();
    file.unsynced = [];
  }
}

export interface MemoryRecordFilesOptions {
  readonly disk: MemoryDisk;
  readonly clock: Clock;
  readonly seed: number;
}

export function openMemoryRecordFiles(options: MemoryRecordFilesOptions): RecordFiles {
  return new MemoryRecordFiles(options.disk, new SeededTurns(options.clock, options.seed));
}

class MemoryRecordFiles implements RecordFiles {
  readonly #disk: MemoryDisk;
  readonly #turns: SeededTurns;
  readonly #cuts: number;

  constructor(disk: MemoryDisk, turns: SeededTurns) {
    this.#disk = disk;
    this.#turns = turns;
    this.#cuts = disk.cuts;
  }

  async #pause(): Promise<void> {
    await this.#turns.pause();
    if (this.#disk.cuts !== this.#cuts) throw new LilyError("STORAGE_FAILED", "the power was cut");
  }

  async writeAt(stream: StreamId, offset: number, bytes: Uint8Array): Promise<void> {
    await this.#pause();
    this.#disk.takeFailure();
    const file = this.#disk.file(stream);
    const write = { offset, bytes: bytes.slice() };
    file.current = written(file.current, write);
    file.unsynced.push(write);
  }

  async sync(streams: readonly StreamId[]): Promise<void> {
    for (const stream of streams) {
      await this.#pause();
      this.#disk.takeFailure();
      const file = this.#disk.file(stream);
      file.durable = file.current.slice();
      file.unsynced = [];
      this.#disk.syncs.push(stream);
    }
  }

  async size(stream: StreamId): Promise<number> {
    await this.#pause();
    return this.#disk.files.get(stream)?.current.length ?? 0;
  }

  async read(stream: StreamId, offset: number, length: number): Promise<Uint8Array> {
    await this.#pause();
    return this.#disk.files.get(stream)?.current.slice(offset, offset + length) ?? new Uint8Array(0);
  }

  async setAside(stream: StreamId, fromOffset: number): Promise<{ readonly name: string; readonly bytes: Uint8Array }> {
    await this.#pause();
    const file = this.#disk.file(stream);
    const bytes = file.current.slice(fromOffset);
    const name = `quarantine/${stream.replaceAll("/", ".")}.${fromOffset}.${hexOf(digestBytes(bytes)).slice(0, 16)}`;
    this.#disk.quarantine.set(name, bytes);
    file.current = file.current.slice(0, fromOffset);
    file.durable = file.current.slice();
    file.unsynced = [];
    return { name, bytes };
  }

  async list(): Promise<readonly StreamId[]> {
    await this.#pause();
    return [...this.#disk.files.keys()].sort();
  }

  displayPath(stream: StreamId): string {
    const run = runOfStream(stream);
    return run === null ? `streams/${stream}.jsonl` : `runs/${run}/record.jsonl`;
  }

  async close(): Promise<void> {
    // Nothing is held.
  }
}

function written(bytes: Uint8Array, write: Write): Uint8Array {
  const end = write.offset + write.bytes.length;
  const result = new Uint8Array(Math.max(bytes.length, end));
  result.set(bytes);
  result.set(write.bytes, write.offset);
  return result;
}
