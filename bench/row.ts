/** One line of the table: what was measured, against which floor, and whether the target was met. */
import { ratios, type Spread, spread } from "./measure.ts";

export interface BenchOptions {
  readonly quick: boolean;
  /** An empty folder of this row; removed afterwards. */
  readonly dir: string;
}

export interface BenchRow {
  readonly name: string;
  readonly title: string;
  readonly unit: string;
  readonly measured: Spread;
  readonly floorName: string;
  readonly floor: Spread;
  /** Measured against the floor beside it, round by round. */
  readonly ratio: Spread;
  /** The ratio must be at least or at most this. */
  readonly target: { readonly bound: "at least" | "at most"; readonly ratio: number };
  readonly met: boolean;
  /** Other figures of the same run, and what else to know. */
  readonly notes: readonly string[];
}

export type Bench = (options: BenchOptions) => Promise<readonly BenchRow[]>;

export interface RowParts {
  readonly name: string;
  readonly title: string;
  readonly unit: string;
  readonly measured: readonly number[];
  readonly floorName: string;
  readonly floor: readonly number[];
  readonly target: BenchRow["target"];
  readonly notes?: readonly string[];
}

export function row(parts: RowParts): BenchRow {
  const ratio = spread(ratios(parts.measured, parts.floor));
  const { bound } = parts.target;
  const met = bound === "at least" ? ratio.median >= parts.target.ratio : ratio.median <= parts.target.ratio;
  return { ...parts, measured: spread(parts.measured), floor: spread(parts.floor), ratio, met, notes: parts.notes ?? [] };
}

/** Three figures that matter, in a form that aligns. */
export function figure(value: number): string {
  if (!Number.isFinite(value)) return "-";
  if (value >= 1_000) return Math.round(value).toLocaleString("en-US");
  return value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2);
}

export function spreadText({ min, median, max }: Spread): string {
  return `${figure(min)} / ${figure(median)} / ${figure(max)}`;
}
