/** Which step needs which, as a drawing; beyond what a drawing can show, as a table of levels. Statuses differ by shape and text. */
import type { ReportRun, ReportStep } from "./report-fold.ts";
import type { ReportLists } from "./report-lists.ts";
import type { ReportMarkup } from "./report-markup.ts";
import type { GraphLayout } from "./report-layout.ts";

export type ReportGraph = (run: ReportRun, lists: ReportLists, layout: GraphLayout | null) => string;

export function reportGraph({ details, escapeText, statusClass }: ReportMarkup): ReportGraph {
  const labelMax = 24;
  const nodeHeight = 46;
  const openLevelsMax = 12;

  function graphPicture(run: ReportRun, lists: ReportLists, layout: GraphLayout | null): string {
    if (run.steps.length === 0) return `<p class="quiet">There is no plan yet, so there are no steps.</p><div hidden data-list="graph"></div>`;
    if (layout === null || lists.graph.length === 0) return levelsTable(run, lists);
    return drawing(run, layout);
  }

  function drawing(run: ReportRun, { width, height, nodes: places, edges }: GraphLayout): string {
    const lines = edges.map(
      (points) => `<path d="${points.map(([x, y], at) => `${at === 0 ? "M" : "L"}${round(x)} ${round(y)}`).join("")}" marker-end="url(#arrow)"/>`,
    );
    const nodes = run.steps.map((step, at) => nodeMark(step, places[at]?.[0] ?? 0, places[at]?.[1] ?? 0));
    return [
      `<p class="quiet">An arrow leads from a step to a step that needs it. The status stands in each box and shows in its outline.</p>`,
      `<div class="wide" tabindex="0" role="region" aria-label="Drawing of the steps">`,
      `<svg class="graph" role="img" aria-labelledby="graph-name" viewBox="0 0 ${round(width)} ${round(height)}" width="${round(width)}" height="${round(height)}">`,
      `<title id="graph-name">Step graph: ${escapeText(sentence(run))}</title>`,
      `<defs><marker id="arrow" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="7" markerHeight="7" orient="auto"><path d="M0 0L8 4L0 8z"/></marker></defs>`,
      `<g class="edges">${lines.join("")}</g>`,
      `<g data-list="graph">${nodes.join("\n")}</g></svg></div>`,
    ].join("\n");
  }

  /** What the drawing says, for whoever does not see it. */
  function sentence(run: ReportRun): string {
    const shown = run.steps.slice(0, 40).map((step) => {
      const needs = step.plan?.needs ?? [];
      return `${step.id} (${step.status})${needs.length === 0 ? "" : ` after ${needs.join(", ")}`}`;
    });
    return `${shown.join("; ")}${run.steps.length > shown.length ? `; and ${run.steps.length - shown.length} more` : ""}.`;
  }

  function nodeWidth(step: ReportStep): number {
    return Math.max(96, Math.min(step.id.length, labelMax) * 8 + 24);
  }

  /** Corners tell the status too: round for what succeeded, cut for what failed, dashed for what did not run. */
  function nodeMark(step: ReportStep, x: number, y: number): string {
    const width = nodeWidth(step);
    const [left, top] = [round(x - width / 2), round(y - nodeHeight / 2)];
    const outline =
      step.status === "failed"
        ? `<path class="box" d="M${left + 9} ${top}h${width - 18}l9 9v${nodeHeight - 18}l-9 9h-${width - 18}l-9 -9v-${nodeHeight - 18}z"/>`
        : `<rect class="box" x="${left}" y="${top}" width="${width}" height="${nodeHeight}" rx="${step.status === "succeeded" || step.status === "reused" ? 12 : 3}"/>`;
    const isClipped = step.id.length > labelMax;
    // The whole id stays in the text, so that it can be compared; a textLength would squeeze it.
    const name = isClipped
      ? `<title data-c>${escapeText(step.id)}</title><text x="${round(x)}" y="${round(y) - 4}">${escapeText(step.id.slice(0, labelMax - 1))}…</text>`
      : `<text data-c x="${round(x)}" y="${round(y) - 4}">${escapeText(step.id)}</text>`;
    return `<g class="node ${statusClass(step.status)}">${outline}${name}<text data-c class="state" x="${round(x)}" y="${round(y) + 14}">${step.status}</text></g>`;
  }

  /** Level 1 needs nothing; each other level needs one of the level before. */
  function levelsTable(run: ReportRun, lists: ReportLists): string {
    const levels = levelsOf(run.steps);
    const rows = levels.map((steps, at) => {
      const counts = new Map<string, number>();
      for (const { status } of steps) counts.set(status, (counts.get(status) ?? 0) + 1);
      const states = [...counts].map(([status, count]) => `<span class="${statusClass(status)}">${count} ${status}</span>`).join(" ");
      const names = steps
        .slice(0, 6)
        .map((step) => step.id)
        .join(", ");
      const more = steps.length > 6 ? ` and ${steps.length - 6} more` : "";
      return `<tr role="row"><th scope="row" role="rowheader" data-l="Level">${at + 1}</th><td role="cell" class="num" data-l="Steps">${steps.length}</td><td role="cell" data-l="Status">${states}</td><td role="cell" class="text" data-l="Which">${escapeText(names + more)}</td></tr>`;
    });
    const shown =
      rows.length <= 200 ? rows : [...rows.slice(0, 200), `<tr role="row"><td role="cell" colspan="4">and ${rows.length - 200} more levels</td></tr>`];
    const hidden = lists.graph.map((row) => `<p>${row.map((text) => `<span data-c>${escapeText(text)}</span>`).join("")}</p>`).join("");
    const head = ["Level", "Steps", "Status", "Which"].map((title) => `<th scope="col" role="columnheader">${title}</th>`).join("");
    const table = [
      `<div class="wide" tabindex="0" role="region" aria-label="Steps by level"><table role="table"><caption>Steps by level</caption>`,
      `<thead role="rowgroup"><tr role="row">${head}</tr></thead>`,
      `<tbody role="rowgroup">${shown.join("\n")}</tbody></table></div>`,
    ].join("\n");
    return [
      `<p>${run.steps.length} steps are too many to draw. A level holds the steps that could start when the level before was done.</p>`,
      rows.length > openLevelsMax ? details(`${rows.length} levels`, table) : table,
      `<div hidden data-list="graph">${hidden}</div>`,
    ].join("\n");
  }

  function levelsOf(steps: readonly ReportStep[]): readonly (readonly ReportStep[])[] {
    const byId = new Map(steps.map((step) => [step.id, step]));
    const missing = new Map(steps.map((step) => [step.id, new Set((step.plan?.needs ?? []).filter((need) => byId.has(need))).size]));
    const dependents = new Map<string, ReportStep[]>();
    for (const step of steps) for (const need of new Set(step.plan?.needs ?? [])) dependents.set(need, [...(dependents.get(need) ?? []), step]);
    const levels: (readonly ReportStep[])[] = [];
    for (let level = steps.filter((step) => missing.get(step.id) === 0); level.length > 0; ) {
      levels.push(level);
      const next: ReportStep[] = [];
      for (const step of level) {
        for (const dependent of dependents.get(step.id) ?? []) {
          const left = (missing.get(dependent.id) ?? 0) - 1;
          missing.set(dependent.id, left);
          if (left === 0) next.push(dependent);
        }
      }
      level = next;
    }
    return levels;
  }

  function round(value: number): number {
    return Math.round(value * 10) / 10;
  }

  return graphPicture;
}
