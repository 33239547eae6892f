import * as crypto from "node:crypto";
import { parseRunId } from "../../contracts/ids.ts";
import type { IdSource } from "../../ports/id-source.ts";

/** Ids from the system's randomness: runs are UUIDv7, lowercase, ordered by time to the millisecond. */
export const systemIds: IdSource = {
  runId: () => parseRunId("randomUUIDv7" in crypto ? crypto.randomUUIDv7() : uuidV7()),
  randomHex: (byteCount) => crypto.randomBytes(byteCount).toString("hex"),
};

/** For versions of Node 24 without `randomUUIDv7`. RFC 9562 section 5.7: 48 bits of milliseconds, version, 12 random bits, variant, 62 random bits. */
export function uuidV7(nowMs: number = Date.now()): string {
  const bytes = crypto.randomBytes(16);
  bytes.writeUIntBE(nowMs, 0, 6);
  bytes[6] = 0x70 | ((bytes[6] ?? 0) & 0x0f);
  bytes[8] = 0x80 | ((bytes[8] ?? 0) & 0x3f);
  const hex = bytes.toString("hex");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}
