/** When what ran, as a drawing: one row a step while there is room, else as many lanes as ran at once. */
import type { ReportAttempt, ReportRun } from "./report-fold.ts";
import type { ReportLists } from "./report-lists.ts";
import { escapeText, statusClass } from "./report-markup.ts";
import type { ReportTexts } from "./report-texts.ts";

const rowsMax = 60;
const width = 960;
const labelWidth = 200;
const rowHeight = 26;
const laneHeight = 16;

interface Bar {
  readonly attempt: ReportAttempt;
  readonly from: number;
  readonly to: number;
  readonly title: string;
}

/** SVG, or a sentence when nothing ran. */
export function timelinePicture(run: ReportRun, lists: ReportLists, texts: ReportTexts): string {
  const bars = barsOf(run, lists, texts);
  const [first] = bars;
  if (first === undefined) return `<p class="quiet">No step has started.</p><div hidden data-list="timeline"></div>`;
  const start = bars.reduce((least, bar) => Math.min(least, bar.from), first.from);
  const end = bars.reduce((most, bar) => Math.max(most, bar.to), start + 1);
  const steps = new Set(bars.map(({ attempt }) => attempt.step)).size;
  const rows = steps > rowsMax || lists.timeline.length === 0 ? lanesOf(bars) : rowsOf(bars);
  const isLabelled = rows.isLabelled;
  const left = isLabelled ? labelWidth : 8;
  const pitch = isLabelled ? rowHeight : laneHeight;
  const height = rows.count * pitch + 30;
  const x = (ms: number): number => left + ((ms - start) / (end - start)) * (width - left - 12);
  const drawn = bars.map((bar, at) => barMark(bar, rows.at[at] ?? 0, pitch, x, lists.timeline.length > 0));
  const labels = isLabelled ? [...rows.labels].map(([row, text]) => `<text x="0" y="${row * pitch + 17}">${escapeText(clip(text, 26))}</text>`) : [];
  const title = `${texts.count(bars.length, "attempt")} of ${texts.count(steps, "step")} in ${texts.span(end - start)}`;
  return [
    `<div class="wide" tabindex="0" role="region" aria-label="Timeline">`,
    `<svg class="timeline" role="img" aria-labelledby="timeline-name" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}">`,
    `<title id="timeline-name">Timeline: ${escapeText(title)}. The same figures are in the table of attempts.</title>`,
    grid(start, end, x, height, texts),
    `<g class="labels">${labels.join("")}</g>`,
    lists.timeline.length > 0
      ? `<g data-list="timeline">${drawn.join("\n")}</g></svg></div>`
      : `<g>${drawn.join("")}</g></svg></div><div hidden data-list="timeline"></div>`,
  ].join("\n");
}

function barsOf(run: ReportRun, lists: ReportLists, texts: ReportTexts): readonly Bar[] {
  const last = texts.timeMs(run.events.at(-1)?.at ?? "");
  return run.steps
    .flatMap((step) => step.attempts)
    .map((attempt, at) => {
      const from = texts.timeMs(attempt.startedAt);
      const to = attempt.endedAt === null ? last : texts.timeMs(attempt.endedAt);
      return { attempt, from, to: Math.max(from, to), title: lists.timeline[at]?.[0] ?? "" };
    });
}

interface Rows {
  readonly count: number;
  /** Row of each bar. */
  readonly at: readonly number[];
  readonly labels: ReadonlyMap<number, string>;
  readonly isLabelled: boolean;
}

function rowsOf(bars: readonly Bar[]): Rows {
  const names = [...new Set(bars.map(({ attempt }) => attempt.step))];
  const index = new Map(names.map((name, at) => [name, at]));
  return {
    count: names.length,
    at: bars.map(({ attempt }) => index.get(attempt.step) ?? 0),
    labels: new Map(names.map((name, at) => [at, name])),
    isLabelled: true,
  };
}

/** Each bar goes into the first lane that is free when it starts. */
function lanesOf(bars: readonly Bar[]): Rows {
  const ends: number[] = [];
  const at = new Array<number>(bars.length).fill(0);
  for (const [index, bar] of [...bars.entries()].sort(([, a], [, b]) => a.from - b.from)) {
    const free = ends.findIndex((end) => end <= bar.from);
    const lane = free === -1 ? ends.length : free;
    ends[lane] = bar.to;
    at[index] = lane;
  }
  return { count: ends.length, at, labels: new Map(), isLabelled: false };
}

/** Outcomes differ by shape too: what failed has a cross, what was cut off is hollow. */
function barMark(bar: Bar, row: number, pitch: number, x: (ms: number) => number, hasTitle: boolean): string {
  const y = row * pitch + 5;
  const height = pitch - 8;
  const from = round(x(bar.from));
  const length = round(Math.max(3, x(bar.to) - x(bar.from)));
  const { outcome } = bar.attempt;
  const shape = `<rect x="${from}" y="${y}" width="${length}" height="${height}" rx="2"/>`;
  const isBad = outcome === "failed" || outcome === "timeout";
  const middle = round(from + length / 2);
  const cross = isBad ? `<path class="cross" d="M${middle - 4} ${y + height / 2 - 4}l8 8m0-8l-8 8"/>` : "";
  const name = hasTitle ? `<title data-c>${escapeText(bar.title)}</title>` : "";
  return `<g class="bar ${statusClass(outcome)}">${name}${shape}${cross}</g>`;
}

function grid(start: number, end: number, x: (ms: number) => number, height: number, texts: ReportTexts): string {
  const step = niceStep((end - start) / 5);
  const lines: string[] = [];
  for (let ms = 0; ms <= end - start; ms += step) {
    const at = round(x(start + ms));
    const anchor = at > width - 60 ? "end" : ms === 0 ? "start" : "middle";
    lines.push(
      `<path d="M${at} 0V${height - 20}"/><text x="${at}" y="${height - 5}" text-anchor="${anchor}">${ms === 0 ? "0" : escapeText(texts.span(ms))}</text>`,
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

function clip(text: string, max: number): string {
  return text.length <= max ? text : `${text.slice(0, max - 1)}…`;
}
