let lastMs = Number.NaN;
let lastText = "";

/** RFC 3339 UTC text with milliseconds and `Z` of a wall time. The last answer is kept: batches share their time. */
export function timeText(wallMs: number): string {
  if (wallMs !== lastMs) {
    lastText = new Date(wallMs).toISOString();
    lastMs = wallMs;
  }
  return lastText;
}

/** Milliseconds of an RFC 3339 UTC text; NaN when it is none. */
export function timeMs(text: string): number {
  return Date.parse(text);
}
