import type { ErrorCode } from "../base/error-table.ts";
import type { ProblemView } from "../contracts/run-view.ts";
import type { Place } from "./located-document.ts";
import { nearestName } from "./nearest-name.ts";

export interface ProblemOptions {
  /** Default WORKFLOW_INVALID. */
  readonly code?: ErrorCode;
  /** What was written and what could have been: the nearest becomes the suggestion. */
  readonly wanted?: string;
  readonly known?: Iterable<string>;
  readonly suggestion?: string;
}

/** More say nothing to a person, and a hostile document must not make a report of its own size. */
export const problemsMax = 1_000;

/** Collects problems with their places, in the order of the text. */
export class ProblemList {
  readonly #file: string | null;
  readonly #locate: (path: readonly PropertyKey[]) => Place | null;
  readonly #defaultCode: ErrorCode;
  readonly #problems: ProblemView[] = [];
  #left = 0;

  constructor(file: string | null, locate: (path: readonly PropertyKey[]) => Place | null, defaultCode: ErrorCode = "WORKFLOW_INVALID") {
    this.#file = file;
    this.#locate = locate;
    this.#defaultCode = defaultCode;
  }

  /** The message follows the path: `steps.clean.needs: names an unknown step`. */
  readonly add = (path: readonly PropertyKey[], message: string, options: ProblemOptions = {}): void => {
    if (this.#problems.length >= problemsMax) {
      this.#left++;
      return;
    }
    const suggestion = options.suggestion ?? (options.wanted === undefined ? null : nearestName(options.wanted, options.known ?? []));
    const place = this.#locate(path);
    this.#problems.push({
      code: options.code ?? this.#defaultCode,
      message: `${path.length === 0 ? "the document" : pathText(path)}: ${message}${suggestion === null ? "" : `; did you mean ${suggestion}?`}`,
      file: this.#file,
      line: place?.line ?? null,
      column: place?.column ?? null,
      path: pathText(path),
      suggestion,
    });
  };

  sorted(): readonly ProblemView[] {
    const sorted = this.#problems.toSorted((left, right) => (left.line ?? 0) - (right.line ?? 0) || (left.column ?? 0) - (right.column ?? 0));
    if (this.#left === 0) return sorted;
    const last: ProblemView = {
      code: this.#defaultCode,
      message: `and ${this.#left} more problems`,
      file: this.#file,
      line: null,
      column: null,
      path: null,
      suggestion: null,
    };
    return [...sorted, last];
  }
}

export type Report = ProblemList["add"];

/** `steps.clean.run[1]`. */
export function pathText(path: readonly PropertyKey[]): string {
  return path.reduce<string>(
    (text, part) => (typeof part === "number" ? `${text}[${part}]` : `${text}${text === "" ? "" : "."}${String(part).slice(0, 128)}`),
    "",
  );
}
