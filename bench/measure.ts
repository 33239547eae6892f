/** Timing that survives a shared machine: floor and subject take turns, and each subject is compared with the floor next to it. */
import { performance } from "node:perf_hooks";

/** A measurement over several rounds, smallest first. */
export interface Spread {
  readonly min: number;
  readonly median: number;
  readonly max: number;
  readonly rounds: number;
}

export function spread(values: readonly number[]): Spread {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (index: number): number => sorted[index] ?? Number.NaN;
  const middle = sorted.length >> 1;
  const median = sorted.length % 2 === 1 ? at(middle) : (at(middle - 1) + at(middle)) / 2;
  return { min: at(0), median, max: at(sorted.length - 1), rounds: sorted.length };
}

export type Work = () => void | Promise<void>;

/** Milliseconds that the work took. */
export async function timed(work: Work): Promise<number> {
  const startedAt = performance.now();
  await work();
  return performance.now() - startedAt;
}

/** Each round runs every work once, in turns that go back and forth, so that a slow stretch of the machine meets all of them. */
export async function takeTurns<Name extends string>(rounds: number, works: Readonly<Record<Name, Work>>): Promise<Readonly<Record<Name, readonly number[]>>> {
  const names = Object.keys(works) as Name[];
  const times = Object.fromEntries(names.map((name) => [name, [] as number[]])) as Record<Name, number[]>;
  for (let round = 0; round < rounds; round++) {
    for (const name of round % 2 === 0 ? names : [...names].reverse()) times[name].push(await timed(works[name]));
  }
  return times;
}

/** Ratios of neighbours: `over[i] / under[i]`. */
export function ratios(over: readonly number[], under: readonly number[]): readonly number[] {
  return over.map((value, index) => value / (under[index] ?? Number.NaN));
}
