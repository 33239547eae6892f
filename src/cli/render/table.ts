import type { Paint, Tone } from "./paint.ts";
import { plainText } from "./plain-text.ts";
import { fitText, padText, textWidth } from "./text-width.ts";

export interface Cell {
  readonly text: string;
  readonly tone?: Tone;
}

export interface TableOptions {
  readonly paint: Paint;
  /** Cells of the terminal; null leaves long lines whole, for files and pipes. */
  readonly width: number | null;
}

const gap = 2;

/** A table of left-aligned columns. Text is made safe here; the widest columns give way first when the terminal is narrow. */
export function table(headings: readonly string[], rows: readonly (readonly (Cell | string)[])[], options: TableOptions): string {
  const cells = rows.map((row) => headings.map((_, i) => safeCell(row[i] ?? "")));
  const natural = headings.map((heading, i) => Math.max(textWidth(heading), ...cells.map((row) => textWidth(row[i]?.text ?? ""))));
  const widths = options.width === null ? natural : shrink(natural, options.width);
  const head = options.paint(
    "dim",
    line(
      headings.map((text) => ({ text })),
      widths,
      (_tone, text) => text,
    ),
  );
  return [head, ...cells.map((row) => line(row, widths, options.paint))].join("\n");
}

function safeCell(cell: Cell | string): Cell {
  return typeof cell === "string" ? { text: plainText(cell) } : { ...cell, text: plainText(cell.text) };
}

function line(cells: readonly Cell[], widths: readonly number[], paint: Paint): string {
  const last = cells.length - 1;
  return cells
    .map((cell, i) => {
      const width = widths[i] ?? 0;
      const fitted = fitText(cell.text, width);
      const padded = i === last ? fitted : padText(fitted, width);
      return cell.tone === undefined ? padded : paint(cell.tone, padded);
    })
    .join(" ".repeat(gap))
    .trimEnd();
}

/** Takes cells from the widest column until the line fits; no column falls below four. */
export function shrink(natural: readonly number[], total: number): readonly number[] {
  const widths = [...natural];
  let excess = widths.reduce((sum, width) => sum + width, 0) + gap * (widths.length - 1) - total;
  while (excess > 0) {
    const widest = widths.indexOf(Math.max(...widths));
    const width = widths[widest] ?? 0;
    if (width <= 4) break;
    widths[widest] = width - 1;
    excess--;
  }
  return widths;
}
