/**
 * Owns: `security.json` in the workspace folder, the state that people set (docs/formats/security.md).
 * States of the file: absent (OPERATIONAL), present and whole (what it says), anything else (`read` throws, which reads as LOCKDOWN).
 * Invariants
 * - S1 A look never answers with something older than what stood there when it began: content is kept only while device, inode, size and
 *   both times stay, and only when it was old enough to be told from a later write by them.
 * - L2 `set` returns once the new state is durable; a crash at any point leaves the old state or the new one.
 * Not responsible for: who may set a state, and what the states mean.
 */
import * as fs from "node:fs";
import { join } from "node:path";
import { isJsonObject, type JsonObject, type JsonValue } from "../../base/json-value.ts";
import { LilyError, messageOf } from "../../base/lily-error.ts";
import { parseJson } from "../../base/parse-json.ts";
import { canonicalJson } from "../../base/canonical-json.ts";
import { clipText } from "../../base/clip-text.ts";
import { isSecurityState } from "../../contracts/security-rank.ts";
import type { SecurityControl, SecurityReading } from "../../ports/security-monitor.ts";
import { closeQuietly, openTemporary, removeQuietly, syncFile, syncFolder, type Temporary, writeAll } from "./durable-folder.ts";
import { hasErrno, storageError } from "./storage-error.ts";

export const securityFileName = "security.json";
const bytesMax = 16 * 1024;
const textMax = 4096;
const byMax = 1024;
/** File times advance in ticks of some milliseconds: two writes within one look alike. */
const tickMs = 1_000;
const members = ["at", "by", "reason", "state", "v"];
const absent: SecurityReading = { state: "OPERATIONAL", boundary: `no ${securityFileName}`, reason: null };

interface Kept {
  readonly mark: string;
  readonly reading: SecurityReading;
}

/** `dir` is the absolute workspace folder. */
export function openSecurityFile(dir: string, options: { readonly nowMs?: () => number } = {}): SecurityControl {
  const nowMs = options.nowMs ?? Date.now;
  const path = join(dir, securityFileName);
  let kept: Kept | null = null;
  return {
    read: async () => {
      const seen = fs.lstatSync(path, { bigint: true, throwIfNoEntry: false });
      if (seen === undefined) return absent;
      const mark = markOf(seen);
      if (kept !== null && kept.mark === mark) return kept.reading;
      const opened = readFile(path);
      kept = opened !== null && nowMs() - opened.changedAtMs > tickMs ? opened : null;
      return opened?.reading ?? absent;
    },
    set: (state, reason, by) =>
      writeFile(dir, path, { v: 1, state, reason: clipText(reason, textMax), by: clipText(by, byMax), at: new Date(nowMs()).toISOString() }),
  };
}

function markOf(seen: fs.BigIntStats): string {
  return `${seen.dev}/${seen.ino}/${seen.mode}/${seen.size}/${seen.mtimeNs}/${seen.ctimeNs}`;
}

/** Null when it is gone. Nothing that could hold a reader up is opened: a link is refused, a pipe does not block. */
function readFile(path: string): (Kept & { readonly changedAtMs: number }) | null {
  const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = fs.constants;
  let fd: number;
  try {
    fd = fs.openSync(path, O_RDONLY | (O_NOFOLLOW ?? 0) | (O_NONBLOCK ?? 0));
  } catch (thrown) {
    if (hasErrno(thrown, "ENOENT")) return null;
    throw thrown;
  }
  try {
    const opened = fs.fstatSync(fd, { bigint: true });
    if (!opened.isFile()) throw invalid("is not a plain file");
    if (opened.size > BigInt(bytesMax)) throw invalid(`is larger than ${bytesMax} bytes`);
    const bytes = Buffer.alloc(Number(opened.size) + 1);
    const count = fs.readSync(fd, bytes, 0, bytes.length, 0);
    return { mark: markOf(opened), changedAtMs: Number(opened.ctimeMs), reading: readingOf(bytes.subarray(0, count)) };
  } finally {
    fs.closeSync(fd);
  }
}

function readingOf(bytes: Uint8Array): SecurityReading {
  let value: JsonValue;
  try {
    value = parseJson(bytes);
  } catch (cause) {
    throw invalid(`is not strict JSON: ${messageOf(cause)}`);
  }
  if (!isJsonObject(value) || Object.keys(value).sort().join(" ") !== members.join(" ")) throw invalid(`does not hold exactly ${members.join(", ")}`);
  const { v, state, reason, by, at } = value;
  if (v !== 1) throw invalid("is not of version 1");
  if (!isSecurityState(state) || state === "UNKNOWN") throw invalid("names no security state");
  if (typeof reason !== "string" || typeof by !== "string" || typeof at !== "string" || Number.isNaN(Date.parse(at)))
    throw invalid("does not say why, by whom and when");
  return { state, boundary: clipText(`set by ${by} at ${at}`, textMax), reason: clipText(reason, textMax) };
}

function invalid(why: string): LilyError {
  return new LilyError("WORKSPACE_INVALID", `${securityFileName} ${why}`);
}

async function writeFile(dir: string, path: string, document: JsonObject): Promise<void> {
  let temporary: Temporary | null = null;
  try {
    temporary = openTemporary(dir);
    writeAll(temporary.fd, new TextEncoder().encode(`${canonicalJson(document)}\n`));
    // Whoever leads runs here under another user has to be able to read it: what cannot be read is LOCKDOWN.
    fs.fchmodSync(temporary.fd, 0o644);
    await syncFile(temporary.fd);
    fs.renameSync(temporary.path, path);
    await syncFolder(dir);
  } catch (thrown) {
    if (temporary !== null) removeQuietly(temporary.path);
    throw storageError(thrown, `cannot write ${path}`);
  } finally {
    if (temporary !== null) closeQuietly(temporary.fd);
  }
}
