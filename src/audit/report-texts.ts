/** How a report writes times, sizes and foreign text. The page holds the text of this function too, so it names nothing from outside of itself. */
export interface ReportTexts {
  /** Foreign text made harmless and short: control characters and direction marks as escapes, at most `max` characters. */
  plain(text: string, max?: number): string;
  /** Milliseconds since 1970 of a time as events have it; NaN for what is none. */
  timeMs(at: string): number;
  /** `2026-01-02 03:04:05 UTC`. */
  moment(at: string): string;
  /** `03:04:05.678`. */
  clock(at: string): string;
  span(ms: number): string;
  size(bytes: number): string;
  /** `1 step`, `2 steps`. */
  count(number: number, one: string, many?: string): string;
  /** `a, b and c`. */
  list(items: readonly string[]): string;
}

export function reportTexts(): ReportTexts {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is escaped
  const unsafe = /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u115f\u1160\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufeff\ufff9-\ufffb]/g;

  function visible(unit: string): string {
    if (unit === "\n") return "\\n";
    if (unit === "\t") return " ";
    const code = unit.charCodeAt(0);
    return code < 0x100 ? `\\x${code.toString(16).padStart(2, "0")}` : `\\u${code.toString(16).padStart(4, "0")}`;
  }

  function plain(text: string, max = 400): string {
    const cut = text.length > max ? `${text.slice(0, max)}…` : text;
    return cut.toWellFormed().replace(unsafe, visible);
  }

  function timeMs(at: string): number {
    const parts = /^(\d{4})-(\d{2})-(\d{2})T(\d{2}):(\d{2}):(\d{2})(?:\.(\d{1,9}))?Z$/.exec(at);
    if (parts === null) return Number.NaN;
    const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = parts.slice(1, 7).map(Number);
    const milliseconds = Number(`${parts[7] ?? "0"}00`.slice(0, 3));
    // Days since 1970-01-01 of a year that begins in March, so that the leap day is its last.
    const shifted = month <= 2 ? year - 1 : year;
    const yearDays = Math.floor((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5) + day - 1;
    const days = shifted * 365 + Math.floor(shifted / 4) - Math.floor(shifted / 100) + Math.floor(shifted / 400) + yearDays - 719468;
    return (((days * 24 + hour) * 60 + minute) * 60 + second) * 1000 + milliseconds;
  }

  function moment(at: string): string {
    return Number.isNaN(timeMs(at)) ? plain(at) : `${at.slice(0, 10)} ${at.slice(11, 19)} UTC`;
  }

  function clock(at: string): string {
    return Number.isNaN(timeMs(at)) ? plain(at) : at.slice(11, -1);
  }

  function span(ms: number): string {
    if (!Number.isFinite(ms) || ms < 0) return "unknown";
    if (ms < 1000) return `${Math.round(ms)} ms`;
    const seconds = ms / 1000;
    if (seconds < 60) return `${seconds.toFixed(seconds < 10 ? 2 : 1)} s`;
    const whole = Math.round(seconds);
    const [hours, minutes] = [Math.floor(whole / 3600), Math.floor((whole % 3600) / 60)];
    return hours > 0 ? `${hours} h ${minutes} min` : `${minutes} min ${whole % 60} s`;
  }

  function size(bytes: number): string {
    if (bytes < 1000) return count(bytes, "byte");
    if (bytes < 1e6) return `${(bytes / 1e3).toFixed(1)} kB`;
    return bytes < 1e9 ? `${(bytes / 1e6).toFixed(1)} MB` : `${(bytes / 1e9).toFixed(1)} GB`;
  }

  function count(number: number, one: string, many = `${one}s`): string {
    return `${number} ${number === 1 ? one : many}`;
  }

  function list(items: readonly string[]): string {
    return items.length < 2 ? (items[0] ?? "none") : `${items.slice(0, -1).join(", ")} and ${items.at(-1) ?? ""}`;
  }

  return { plain, timeMs, moment, clock, span, size, count, list };
}
