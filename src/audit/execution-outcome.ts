import type { ExecutionRecord } from "../artifacts/builtin-schemas.ts";
import type { LedgerEvent } from "../contracts/event.ts";

export interface ExecutionOutcome {
  readonly status: ExecutionRecord["status"];
  /** Empty while the run is open. */
  readonly reason: string;
  readonly endedAt: string | null;
}

const open: ExecutionOutcome = { status: "STARTED", reason: "", endedAt: null };

/**
 * How a run stands at its newest end. A canceled and a blocked run are FAILED and say so in their reason. An escalation is INCOMPLETE
 * whatever follows it (S1): nothing turns that into another end.
 */
export function foldOutcome(events: readonly LedgerEvent[]): ExecutionOutcome {
  let outcome = open;
  let escalated = false;
  const blemishes = new Blemishes();
  for (const event of events) {
    blemishes.add(event);
    switch (event.kind) {
      case "RUN_SUCCEEDED":
        outcome = { status: blemishes.any() ? "COMPLETED_PARTIAL" : "COMPLETED", reason: event.data.reason, endedAt: event.at };
        break;
      case "RUN_FAILED":
        outcome = { status: "FAILED", reason: event.data.reason, endedAt: event.at };
        break;
      case "RUN_BLOCKED":
        outcome = { status: "FAILED", reason: `blocked: ${event.data.reason}`, endedAt: event.at };
        break;
      case "RUN_CANCELED":
        outcome = { status: "FAILED", reason: `canceled: ${event.data.reason}`, endedAt: event.at };
        break;
      case "SECURITY_ESCALATED":
      case "RUN_INCOMPLETE":
        escalated = true;
        outcome = { status: "INCOMPLETE", reason: event.data.reason, endedAt: event.at };
        break;
      case "RUN_REOPENED":
      case "RUN_UNBLOCKED":
      case "RUN_RESUMED":
      case "RERUN_REQUESTED":
      case "ARTIFACT_REPLACED":
      case "CANCEL_REQUESTED":
        outcome = open;
        break;
      default:
        break;
    }
    if (escalated && outcome.status !== "INCOMPLETE")
      outcome = { status: "INCOMPLETE", reason: "the security state rose while the run was going on", endedAt: event.at };
  }
  return outcome;
}

/** What makes a success partial: a step that rests skipped, an optional gate whose newest verdict is not passed. */
class Blemishes {
  readonly #skipped = new Set<string>();
  readonly #optional = new Set<string>();

  add(event: LedgerEvent): void {
    switch (event.kind) {
      case "STEP_SKIPPED":
        this.#skipped.add(event.data.step_id);
        return;
      case "STEP_STARTED":
      case "STEP_REUSED":
        this.#skipped.delete(event.data.step_id);
        return;
      case "GATE_PASSED":
      case "GATE_FAILED":
      case "GATE_ERROR": {
        const { step_id, gate_id, required, dry_run } = event.data;
        if (dry_run === true || required) return;
        const name = `${step_id ?? ""}/${gate_id}`;
        if (event.kind === "GATE_PASSED") this.#optional.delete(name);
        else this.#optional.add(name);
        return;
      }
      default:
        return;
    }
  }

  any(): boolean {
    return this.#skipped.size + this.#optional.size > 0;
  }
}
