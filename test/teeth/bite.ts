/** A planted bug: exact text of the source put in place of other exact text, and what must turn red because of it. */

export interface Edit {
  /** Relative to the root. */
  readonly file: string;
  /** Must occur exactly once. */
  readonly find: string;
  readonly replace: string;
}

export type Suite =
  | { readonly kind: "vitest"; readonly files: readonly string[] }
  | { readonly kind: "fault"; readonly figure: string; readonly count: number };

export interface Bite {
  readonly name: string;
  /** The promise that the bug breaks. */
  readonly breaks: string;
  readonly edits: readonly Edit[];
  readonly suite: Suite;
}

export function vitest(...files: readonly string[]): Suite {
  return { kind: "vitest", files };
}

export function fault(figure: string, count: number): Suite {
  return { kind: "fault", figure, count };
}

export function suiteName(suite: Suite): string {
  return suite.kind === "vitest" ? suite.files.join(" ") : `${suite.figure} x ${suite.count}`;
}
