/** What a figure is given and what it answers. A figure is one promise, tried N times; zero violations in N bound the true rate by 3/N. */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface FigureOptions {
  readonly seed: number;
  readonly full: boolean;
  /** Overrides how often it is tried. */
  readonly count: number | null;
  /** Scenarios of a figure that has several; null for those that the lane has. */
  readonly scenarios: readonly string[] | null;
}

export interface FigureResult {
  /** Cases tried. */
  readonly n: number;
  /** Each says what was broken, and with which seed or case. */
  readonly violations: readonly string[];
  /** What was tried, for people. */
  readonly note: string;
}

export interface Figure {
  readonly name: string;
  readonly promise: string;
  /** Why it cannot run here, or null. */
  readonly missing: () => string | null;
  readonly run: (options: FigureOptions) => Promise<FigureResult>;
}

/** How many cases: the quick number, or the full one, or what was asked for. */
export function casesOf(options: FigureOptions, quick: number, full: number): number {
  return options.count ?? (options.full ? full : quick);
}

/** Runs `use` with a fresh folder and removes it afterwards. */
export async function inScratch<T>(use: (dir: string) => Promise<T>, parent = tmpdir()): Promise<T> {
  mkdirSync(parent, { recursive: true });
  const dir = mkdtempSync(join(parent, "lily-fault-"));
  try {
    return await use(dir);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

/** Keeps the first violations; a broken promise is broken thousands of times. */
export class Violations {
  readonly #texts: string[] = [];
  count = 0;

  add(text: string): void {
    this.count++;
    if (this.#texts.length < 20) this.#texts.push(text.slice(0, 600));
  }

  get texts(): readonly string[] {
    return this.count > this.#texts.length ? [...this.#texts, `and ${this.count - this.#texts.length} more`] : this.#texts;
  }

  /** Tries one case; what it throws is a violation. */
  async try(name: string, act: () => void | Promise<void>): Promise<void> {
    try {
      await act();
    } catch (thrown) {
      this.add(`${name}: ${thrown instanceof Error ? thrown.message : String(thrown)}`);
    }
  }
}
