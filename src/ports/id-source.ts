import type { RunId } from "../contracts/ids.ts";

/** Fresh identifiers and randomness. The only source of both in the core. */
export interface IdSource {
  /** A new run id, lowercase, unique; time-ordered where the technology allows (nothing relies on the order). */
  runId(): RunId;
  /** `byteCount` random bytes as lowercase hex. */
  randomHex(byteCount: number): string;
}
