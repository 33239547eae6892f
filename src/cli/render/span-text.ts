import { durationText } from "../../base/duration.ts";

/** `, 3.4 s` between two recorded times; empty while the end is open or the clock went back. */
export function spanText(from: string, to: string | null): string {
  if (to === null) return "";
  const spanMs = Date.parse(to) - Date.parse(from);
  return Number.isFinite(spanMs) && spanMs >= 0 ? `, ${durationText(spanMs)}` : "";
}
