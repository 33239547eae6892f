/**
 * When what ran, as a drawing: one row a step while there is room, else as many lanes as ran at once. Attempts are bars, verdicts of gates
 * are marks on them, what led the run another way is a line across. Outcomes differ by shape, not by colour alone.
 */
import type { LedgerEvent } from "../contracts/event.ts";
import type { ReportAttempt, ReportRun } from "./report-fold.ts";
import type { ReportLists } from "./report-lists.ts";
import type { ReportTexts } from "./report-texts.ts";
import type { ReportMarkup } from "./report-markup.ts";

interface Bar {
  readonly attempt: ReportAttempt;
  readonly from: number;
  readonly to: number;
}

/** What the parts of the drawing are placed by. */
interface Plane {
  readonly rows: Rows;
  readonly pitch: number;
  readonly height: number;
  readonly x: (ms: number) => number;
}

interface Rows {
  readonly count: number;
  /** Row of each bar. */
  readonly at: readonly number[];
  readonly of: ReadonlyMap<string, number>;
}

export type ReportTimeline = (run: ReportRun, lists: ReportLists) => string;

export function reportTimeline({ escapeText, statusClass }: ReportMarkup, texts: ReportTexts): ReportTimeline {
  const rowsMax = 60;
  const width = 960;
  const rowHeight = 30;
  const laneHeight = 16;
  const top = 6;
  const foot = 24;
  const labelMax = 26;
  /** What concerns more than one row is a line across all of them. */
  const acrossAll: ReadonlySet<string> = new Set(["ROUTE_TAKEN", "SECURITY_ESCALATED", "RERUN_REQUESTED", "ARTIFACT_REPLACED"]);

  /** SVG, or a sentence when nothing ran. */
  function timelinePicture(run: ReportRun, lists: ReportLists): string {
    const bars = barsOf(run);
    const [first] = bars;
    const titles = lists.timeline.map(([title = ""]) => title);
    const list = titles.length === 0 ? "" : ` data-list="timeline"`;
    const hidden = titles.length === 0 ? `<div hidden data-list="timeline"></div>` : "";
    if (first === undefined && titles.length === 0) return `<p class="quiet">No step has started.</p>${hidden}`;
    const times = [...bars.flatMap(({ from, to }) => [from, to]), ...moments(run).map((event) => texts.timeMs(event.at))];
    const start = times.reduce((least, ms) => Math.min(least, ms), Number.POSITIVE_INFINITY);
    const end = times.reduce((most, ms) => Math.max(most, ms), start + 1);
    const names = [...new Set([...bars.map(({ attempt }) => attempt.step), ...moments(run).flatMap(rowNamed)])];
    const isRows = names.length <= rowsMax && titles.length > 0;
    const rows = isRows ? rowsOf(bars, names) : lanesOf(bars);
    const left = isRows ? Math.max(0, ...names.map((name) => Math.min(name.length, labelMax))) * 8 + 20 : 8;
    const pitch = isRows ? rowHeight : laneHeight;
    const height = rows.count * pitch + top + foot;
    const plane: Plane = { rows, pitch, height, x: (ms) => left + ((ms - start) / (end - start)) * (width - left - 16) };
    const drawn = bars.map((bar, at) => barMark(bar, rows.at[at] ?? 0, plane, titles[at]));
    const marks = titles.length === 0 ? [] : moments(run).map((event, at) => momentMark(event, plane, titles[bars.length + at] ?? ""));
    const labels = isRows ? names.map((name, row) => `<text x="0" y="${top + row * pitch + pitch / 2 + 4}">${escapeText(clip(name))}</text>`) : [];
    const title = `${texts.count(bars.length, "attempt")} of ${texts.count(new Set(bars.map(({ attempt }) => attempt.step)).size, "step")} in ${texts.span(end - start)}`;
    return [
      legend(titles.length > 0),
      `<div class="wide" tabindex="0" role="region" aria-label="Drawing of the timeline">`,
      `<svg class="timeline" role="img" aria-labelledby="timeline-name" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}">`,
      `<title id="timeline-name">Timeline: ${escapeText(title)}. The tables of attempts, gates and routes say the same.</title>`,
      grid(start, end, plane),
      `<g class="labels">${labels.join("")}</g>`,
      `<g${list}>${[...drawn, ...marks].join("\n")}</g></svg></div>${hidden}`,
    ].join("\n");
  }

  function legend(hasMarks: boolean): string {
    const marks = hasMarks
      ? " A dot is a gate that passed, a cross in a square one that did not; a dotted outline is a dry run; a dashed line is a route, a rerun, a replacement or an escalation, a diamond a reuse."
      : " Each row is one that ran beside the others; gates and routes are in their tables.";
    return `<p class="quiet">Each bar is an attempt: filled when it completed, hollow with a cross when it failed, hollow and dashed when it was cut off.${marks}</p>`;
  }

  function barsOf(run: ReportRun): readonly Bar[] {
    const last = texts.timeMs(run.events.at(-1)?.at ?? "");
    return run.steps
      .flatMap((step) => step.attempts)
      .map((attempt) => {
        const from = texts.timeMs(attempt.startedAt);
        return { attempt, from, to: Math.max(from, attempt.endedAt === null ? last : texts.timeMs(attempt.endedAt)) };
      });
  }

  /** What `lists.timeline` tells behind the attempts, in the same order. */
  function moments(run: ReportRun): readonly LedgerEvent[] {
    return run.events.filter(
      ({ kind }) =>
        kind === "GATE_PASSED" ||
        kind === "GATE_FAILED" ||
        kind === "GATE_ERROR" ||
        kind === "ROUTE_TAKEN" ||
        kind === "STEP_REUSED" ||
        kind === "RERUN_REQUESTED" ||
        kind === "ARTIFACT_REPLACED" ||
        kind === "SECURITY_ESCALATED",
    );
  }

  /** Which row a mark stands in; gates of the run have one of their own, whose name no step can have. */
  function rowNamed(event: LedgerEvent): readonly string[] {
    if (acrossAll.has(event.kind)) return [];
    return ["step_id" in event.data && event.data.step_id !== undefined ? event.data.step_id : "the run"];
  }

  function rowsOf(bars: readonly Bar[], names: readonly string[]): Rows {
    const of = new Map(names.map((name, at) => [name, at]));
    return { count: Math.max(1, names.length), at: bars.map(({ attempt }) => of.get(attempt.step) ?? 0), of };
  }

  /** Each bar goes into the first lane that is free when it starts. */
  function lanesOf(bars: readonly Bar[]): Rows {
    const ends: number[] = [];
    const at = new Array<number>(bars.length).fill(0);
    const of = new Map<string, number>();
    for (const [index, bar] of [...bars.entries()].sort(([, a], [, b]) => a.from - b.from)) {
      const free = ends.findIndex((end) => end <= bar.from);
      const lane = free === -1 ? ends.length : free;
      ends[lane] = bar.to;
      at[index] = lane;
      of.set(bar.attempt.step, lane);
    }
    return { count: Math.max(1, ends.length), at, of };
  }

  function barMark(bar: Bar, row: number, { pitch, x }: Plane, title: string | undefined): string {
    const y = top + row * pitch + 4;
    const height = pitch - 8;
    const from = round(x(bar.from));
    const length = round(Math.max(2, x(bar.to) - x(bar.from)));
    const { outcome } = bar.attempt;
    const shape = `<rect x="${from}" y="${y}" width="${length}" height="${height}" rx="2"/>`;
    const isBad = outcome === "failed" || outcome === "timeout";
    const cross = isBad ? crossAt(round(from + length / 2), y + height / 2, 4) : "";
    const name = title === undefined ? "" : `<title data-c>${escapeText(title)}</title>`;
    return `<g class="bar ${statusClass(outcome)}">${name}${shape}${cross}</g>`;
  }

  function crossAt(x: number, y: number, arm: number): string {
    return `<path class="cross" d="M${x - arm} ${y - arm}l${arm * 2} ${arm * 2}m0 -${arm * 2}l-${arm * 2} ${arm * 2}"/>`;
  }

  function momentMark(event: LedgerEvent, { rows, pitch, height, x }: Plane, title: string): string {
    const at = round(x(texts.timeMs(event.at)));
    const [name = ""] = rowNamed(event);
    const row = rows.of.get(name);
    const y = row === undefined ? height - foot : top + row * pitch + pitch / 2;
    const label = `<title data-c>${escapeText(title)}</title>`;
    const dry = "dry_run" in event.data && event.data.dry_run === true ? " dry" : "";
    switch (event.kind) {
      case "GATE_PASSED":
        return `<g class="gate good${dry}">${label}<circle cx="${at}" cy="${y}" r="4.5"/></g>`;
      case "GATE_FAILED":
      case "GATE_ERROR":
        return `<g class="gate bad${dry}">${label}<rect x="${at - 6}" y="${y - 6}" width="12" height="12" rx="1"/>${crossAt(at, y, 3)}</g>`;
      case "STEP_REUSED":
        return `<g class="gate same">${label}<path d="M${at} ${y - 7}l7 7l-7 7l-7 -7z"/></g>`;
      default:
        return `<g class="turn ${event.kind === "SECURITY_ESCALATED" ? "bad" : "same"}">${label}<path d="M${at} 0V${height - foot}"/></g>`;
    }
  }

  function grid(start: number, end: number, { x, height }: Plane): string {
    const step = niceStep((end - start) / 5);
    const lines: string[] = [];
    for (let ms = 0; ms <= end - start; ms += step) {
      const at = round(x(start + ms));
      const anchor = at > width - 60 ? "end" : ms === 0 ? "start" : "middle";
      lines.push(
        `<path d="M${at} 0V${height - foot}"/><text x="${at}" y="${height - 5}" text-anchor="${anchor}">${ms === 0 ? "0" : escapeText(texts.span(ms))}</text>`,
      );
    }
    return `<g class="grid">${lines.join("")}</g>`;
  }

  /** 1, 2 or 5 times a power of ten. */
  function niceStep(rough: number): number {
    const power = 10 ** Math.floor(Math.log10(Math.max(1, rough)));
    return ([1, 2, 5].find((factor) => factor * power >= rough) ?? 10) * power;
  }

  function round(value: number): number {
    return Math.round(value * 10) / 10;
  }

  function clip(text: string): string {
    return text.length <= labelMax ? text : `${text.slice(0, labelMax - 1)}…`;
  }

  return timelinePicture;
}
