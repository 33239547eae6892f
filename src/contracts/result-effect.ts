import type { LedgerEvent } from "./event.ts";
import type { EventData } from "./events.ts";

/** What an event of a run says about results of its pure steps that may stand in for doing a step again. */
export type ResultEffect =
  | { readonly kind: "completed"; readonly step_id: string; readonly attempt: number; readonly materials: Materials }
  /** A result of another run stood in for a step. */
  | { readonly kind: "reused"; readonly from: Pick<EventData["STEP_REUSED"]["from"], "run_id" | "step_id" | "attempt"> }
  /** Another attempt began, so the one before it is not the step's result any more. */
  | { readonly kind: "superseded"; readonly step_id: string }
  /** A required gate did not pass (also when it was judged again later), a violation, a replaced output. */
  | { readonly kind: "spoiled"; readonly step_id: string }
  /** The run was left incomplete: nothing of it counts. */
  | { readonly kind: "void" };
type Materials = NonNullable<EventData["STEP_COMPLETED"]["materials"]>;

/** Null: nothing. The index folds this; so does whoever checks a result in its record. */
export function resultEffectOf(event: LedgerEvent): ResultEffect | null {
  switch (event.kind) {
    case "STEP_STARTED":
      return event.data.attempt === 1 ? null : { kind: "superseded", step_id: event.data.step_id };
    case "STEP_COMPLETED": {
      const { step_id, attempt, materials } = event.data;
      return materials === undefined ? null : { kind: "completed", step_id, attempt, materials };
    }
    case "STEP_REUSED":
      return event.data.cause === "pure" ? { kind: "reused", from: event.data.from } : null;
    case "GATE_FAILED":
    case "GATE_ERROR": {
      const { step_id, required } = event.data;
      return step_id === undefined || !required ? null : { kind: "spoiled", step_id };
    }
    case "POLICY_VIOLATION":
      return { kind: "spoiled", step_id: event.data.step_id };
    case "ARTIFACT_REPLACED":
      return event.data.step_id === undefined ? null : { kind: "spoiled", step_id: event.data.step_id };
    case "RUN_INCOMPLETE":
      return { kind: "void" };
    default:
      return null;
  }
}
