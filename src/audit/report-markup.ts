/** Building blocks of a report's HTML. Text from outside becomes markup in one way only: through `escapeText`. */
import type { ReportListName, ReportLists, ReportRow } from "./report-lists.ts";

export interface Column {
  readonly title: string;
  readonly kind: ColumnKind;
}

/** How a column is shown: `status` gets a mark, `code` keeps digests and paths in one width, `text` may be long. */
export type ColumnKind = "head" | "plain" | "status" | "code" | "number" | "text";

export type ReportMarkup = ReturnType<typeof reportMarkup>;

export function reportMarkup() {
  const entities: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };

  /** For element content and for attribute values in double quotes. */
  function escapeText(text: string): string {
    return text.replace(/[&<>"']/g, (unit) => entities[unit] ?? unit);
  }

  /** What the check of the page says of these lists; before it ran, that it did not. */
  function coveredBadge(...names: readonly ReportListName[]): string {
    return `<span class="badge" data-covers="${names.join(" ")}">not compared</span>`;
  }

  const uncoveredBadge = `<span class="badge">made with the page, not compared</span>`;

  const tones: Readonly<Record<string, string>> = {
    succeeded: "good",
    completed: "good",
    passed: "good",
    reused: "same",
    failed: "bad",
    error: "bad",
    timeout: "bad",
    blocked: "wait",
    interrupted: "wait",
    incomplete: "bad",
    canceled: "wait",
    running: "wait",
    skipped: "none",
    pending: "none",
  };

  /** Class of a status by its first word; its mark is drawn by the style sheet, so that the text stays the text. */
  function statusClass(status: string): string {
    return `st ${tones[/^[a-z]+/.exec(status)?.[0] ?? ""] ?? "none"}`;
  }

  /** A table of one list. Rows become cards on a narrow screen, so roles are written out. */
  function listTable(lists: ReportLists, name: ReportListName, caption: string, columns: readonly Column[]): string {
    const head = columns.map(({ title }) => `<th scope="col" role="columnheader">${escapeText(title)}</th>`).join("");
    const rows = lists[name].map((row) => tableRow(row, columns)).join("\n");
    return [
      `<div class="wide" tabindex="0" role="region" aria-label="${escapeText(caption)}"><table role="table">`,
      `<caption>${escapeText(caption)}</caption><thead role="rowgroup"><tr role="row">${head}</tr></thead>`,
      `<tbody role="rowgroup" data-list="${name}">${rows}</tbody></table></div>`,
    ].join("\n");
  }

  function tableRow(row: ReportRow, columns: readonly Column[]): string {
    if (row.length === 1 && columns.length > 1) return `<tr role="row"><td role="cell" colspan="${columns.length}">${escapeText(row[0] ?? "")}</td></tr>`;
    return `<tr role="row">${row.map((text, at) => tableCell(text, columns[at])).join("")}</tr>`;
  }

  function tableCell(text: string, column: Column | undefined): string {
    const label = ` data-l="${escapeText(column?.title ?? "")}"`;
    const shown = escapeText(text);
    switch (column?.kind) {
      case "head":
        return `<th scope="row" role="rowheader">${shown}</th>`;
      case "status":
        return `<td role="cell" class="${statusClass(text)}${text.length > 24 ? " long" : ""}"${label}>${shown}</td>`;
      case "code":
        return `<td role="cell" class="code"${label}>${shown}</td>`;
      case "number":
        return `<td role="cell" class="num"${label}>${shown}</td>`;
      case "text":
        return `<td role="cell" class="text"${label}>${shown}</td>`;
      case "plain":
      case undefined:
        return `<td role="cell"${label}>${shown}</td>`;
    }
  }

  /** A table, or a sentence in its place; the empty list stays in the page, so that a row that was taken out shows. */
  function listTableOr(lists: ReportLists, name: ReportListName, caption: string, columns: readonly Column[], empty: string): string {
    if (lists[name].length > 0) return listTable(lists, name, caption, columns);
    return `<p class="quiet">${escapeText(empty)}</p><div hidden data-list="${name}"></div>`;
  }

  /** Pairs of name and value. */
  function listPairs(lists: ReportLists, name: ReportListName, isCode: (label: string) => boolean): string {
    const rows = lists[name].map(
      ([label = "", value = ""]) => `<div><dt>${escapeText(label)}</dt><dd class="${isCode(label) ? "code" : "plain"}">${escapeText(value)}</dd></div>`,
    );
    return `<dl data-list="${name}">${rows.join("\n")}</dl>`;
  }

  /** A part of the page that a reader opens when it is wanted. */
  function details(summary: string, content: string): string {
    return `<details><summary>${escapeText(summary)}</summary>\n${content}\n</details>`;
  }

  function section(id: string, title: string, badge: string, content: string): string {
    return `<section id="${id}" aria-labelledby="${id}-title"><h2 id="${id}-title">${escapeText(title)}</h2>${badge === "" ? "" : `<p class="cover">${badge}</p>`}\n${content}\n</section>`;
  }

  return { escapeText, coveredBadge, uncoveredBadge, statusClass, listTable, listTableOr, listPairs, details, section };
}
