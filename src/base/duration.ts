import { LilyError } from "./lily-error.ts";

const unitsMs: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };
const durationPattern = /^(\d{1,12}(?:\.\d{1,3})?)(ms|s|m|h)$/;
/** Thirty days; longer waits belong to a schedule. */
export const durationMsMax = 30 * 24 * 3_600_000;

/** Milliseconds of `30s`, `500ms`, `1.5m`, `2h`. Throws DURATION_INVALID. */
export function parseDuration(text: string): number {
  const match = durationPattern.exec(text);
  const unitMs = match?.[2] === undefined ? undefined : unitsMs[match[2]];
  if (match?.[1] === undefined || unitMs === undefined) throw new LilyError("DURATION_INVALID", `not a duration: ${JSON.stringify(text.slice(0, 40))}`);
  const durationMs = Math.round(Number(match[1]) * unitMs);
  if (durationMs > durationMsMax) throw new LilyError("DURATION_INVALID", `duration ${text} is longer than 30 days`);
  return durationMs;
}

/** A duration for people: 12 ms, 3.4 s, 2 m 5 s. Rounded before it is split, so that it never says 60 seconds or 60 minutes. */
export function durationText(durationMs: number): string {
  const wholeMs = Math.round(durationMs);
  if (wholeMs < 1_000) return `${wholeMs} ms`;
  const tenths = Math.round(durationMs / 100);
  if (tenths < 600) return `${(tenths / 10).toFixed(1)} s`;
  const seconds = Math.round(durationMs / 1_000);
  if (seconds < 3_600) return `${Math.floor(seconds / 60)} m ${seconds % 60} s`;
  const minutes = Math.round(durationMs / 60_000);
  return `${Math.floor(minutes / 60)} h ${minutes % 60} m`;
}
