import type { StepStatus } from "../../contracts/run-view.ts";
import type { Tone } from "./paint.ts";

export interface Mark {
  readonly symbol: string;
  readonly tone: Tone;
}

const marks = {
  pending: { symbol: "·", tone: "dim" },
  running: { symbol: "▸", tone: "strong" },
  succeeded: { symbol: "✓", tone: "good" },
  reused: { symbol: "=", tone: "good" },
  failed: { symbol: "✗", tone: "bad" },
  skipped: { symbol: "-", tone: "dim" },
  interrupted: { symbol: "!", tone: "warn" },
} as const satisfies Record<StepStatus, Mark>;

export function stepMark(status: StepStatus): Mark {
  return marks[status];
}

/** Tone of any status word: of runs, gates, records. */
export function statusTone(status: string): Tone {
  switch (status) {
    case "succeeded":
    case "passed":
    case "anchored":
      return "good";
    case "failed":
    case "error":
    case "corrupt":
    case "behind_anchor":
      return "bad";
    case "blocked":
    case "canceled":
    case "interrupted":
    case "unanchored":
      return "warn";
    default:
      return "strong";
  }
}
