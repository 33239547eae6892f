import { sha256Hex } from "../base/digest.ts";
import type { PlanRetry } from "../contracts/plan-document.ts";

/**
 * Milliseconds before the next attempt after `failures` failures (1 or more): exponential up to the maximum, with a jitter of up to a
 * quarter that is a hash of run, step and attempt, so that the same record always gives the same wait (L6).
 */
export function backoffMs(retry: PlanRetry, failures: number, seed: string): number {
  if (retry.backoff_ms === 0) return 0;
  const wait = Math.min(retry.max_backoff_ms, retry.backoff_ms * retry.factor ** Math.min(failures - 1, 64));
  const jitter = Number.parseInt(sha256Hex(seed).slice(0, 8), 16) / 0xffff_ffff;
  return Math.round(wait * (1 - 0.25 * jitter));
}
