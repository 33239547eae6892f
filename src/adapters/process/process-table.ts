/**
 * Reads the process table of Linux from /proc, synchronously: each read takes microseconds and never waits for a disk.
 * A process may end between two reads, so its absence is an answer; that the table cannot be read at all is an exception.
 */
import { closeSync, existsSync, openSync, readdirSync, readSync } from "node:fs";

export interface ProcessEntry {
  readonly pid: number;
  readonly parent: number;
  readonly group: number;
  readonly session: number;
  /** Clock ticks since boot, as text: with the pid it names a process for good. */
  readonly startTime: string;
  /** False for a zombie: it runs nothing and only waits to be collected by its parent. */
  readonly alive: boolean;
}

const markerName = "LILY_RUN";
const markerPrefix = Buffer.from(`\0${markerName}=`);
const environBytesMax = 8 * 1024 * 1024;
let scratch: Buffer = Buffer.alloc(64 * 1024);

const loadFile = openProc("/proc/loadavg");
const loadText: Buffer = Buffer.alloc(256);

/** True where the table can be read; elsewhere only process groups can be reached. */
export const processTableReadable = process.platform === "linux" && existsSync("/proc/self/stat") && lastPid() !== null;

/** The newest process or thread id that the kernel gave out. */
export function lastPid(): number | null {
  if (loadFile === null) return null;
  // One descriptor for good: this is asked twice for every command, and reading at 0 gives fresh numbers.
  const length = readSync(loadFile, loadText, 0, loadText.length, 0);
  const text = loadText.toString("latin1", 0, length).trimEnd();
  const pid = Number(text.slice(text.lastIndexOf(" ") + 1));
  return Number.isSafeInteger(pid) && pid > 0 ? pid : null;
}

/** Every process id. */
export function processIds(): readonly number[] {
  const pids: number[] = [];
  for (const name of readdirSync("/proc")) {
    const pid = Number(name);
    if (pid > 0) pids.push(pid);
  }
  return pids;
}

export function processEntry(pid: number): ProcessEntry | null {
  const bytes = readProc(`/proc/${pid}/stat`, 0);
  if (bytes === null) return null;
  const text = bytes.toString("latin1");
  // The name in parentheses may hold spaces and parentheses, so the fields are counted from its end (proc(5)).
  const [state, parent, group, session, ...rest] = text.slice(text.lastIndexOf(")") + 2).split(" ");
  const startTime = rest[15];
  if (state === undefined || startTime === undefined) return null;
  return { pid, parent: Number(parent), group: Number(group), session: Number(session), startTime, alive: state !== "Z" && state !== "X" && state !== "x" };
}

/** True for processes and for threads, which have ids of the same kind. */
export function processExists(pid: number): boolean {
  return existsSync(`/proc/${pid}`);
}

/** The LILY_RUN of a process; null when it has none, is gone or belongs to somebody else. */
export function processMarker(pid: number): string | null {
  const bytes = readProc(`/proc/${pid}/environ`, 1);
  if (bytes === null) return null;
  const at = bytes.indexOf(markerPrefix);
  if (at === -1) return null;
  const start = at + markerPrefix.length;
  const end = bytes.indexOf(0, start);
  return bytes.toString("utf8", start, end === -1 ? bytes.length : end);
}

function openProc(path: string): number | null {
  try {
    return openSync(path, "r");
  } catch {
    return null;
  }
}

/** The process is gone, or belongs to somebody else. Anything else, as no free descriptor, says nothing about it and is thrown. */
const absentCodes = ["ENOENT", "ESRCH", "EACCES", "EPERM"];

/** Content of a file of /proc in the shared buffer, behind `lead` zero bytes. Valid until the next call. */
function readProc(path: string, lead: number): Buffer | null {
  let file: number | null = null;
  try {
    file = openSync(path, "r");
    scratch.fill(0, 0, lead);
    let length = lead;
    for (;;) {
      const count = readSync(file, scratch, length, scratch.length - length, null);
      length += count;
      if (count === 0 || scratch.length >= environBytesMax) return scratch.subarray(0, length);
      if (length === scratch.length) scratch = Buffer.concat([scratch, Buffer.alloc(scratch.length)]);
    }
  } catch (thrown) {
    if (thrown instanceof Error && "code" in thrown && absentCodes.includes(String(thrown.code))) return null;
    throw thrown;
  } finally {
    if (file !== null) closeSync(file);
  }
}
