import type { LedgerEvent } from "./event.ts";
import type { EventData } from "./events.ts";

/** What an event of a run says about results of its pure steps that may stand in for doing a step again. */
export type ResultEffect =
  | { readonly kind: "completed"; readonly step_id: string; readonly attempt: number; readonly materials: Materials }
  /** A result of another run stands in for a step from here on, until the step is started in this run. `isUse`: it was looked for, and found good. */
  | { readonly kind: "reused"; readonly step_id: string; readonly from: ResultPlace; readonly isUse: boolean }
  /** An attempt began, so what came before it is not the step's result any more. */
  | { readonly kind: "superseded"; readonly step_id: string; readonly what: string }
  /** A required gate did not pass (also when it was judged again later), a violation, a replaced output: of whatever stands for the step then. */
  | { readonly kind: "spoiled"; readonly step_id: string; readonly what: string }
  /** The run was left incomplete: nothing that was done in it counts. */
  | { readonly kind: "void"; readonly what: string };
type ResultPlace = Pick<EventData["STEP_REUSED"]["from"], "run_id" | "step_id" | "attempt">;
type Materials = NonNullable<EventData["STEP_COMPLETED"]["materials"]>;

/** Null: nothing. `what` is a part of a sentence. The index folds this; so does whoever checks a result in its record. */
export function resultEffectOf(event: LedgerEvent): ResultEffect | null {
  switch (event.kind) {
    case "STEP_STARTED":
      return { kind: "superseded", step_id: event.data.step_id, what: `attempt ${event.data.attempt} of the step began after it` };
    case "STEP_COMPLETED": {
      const { step_id, attempt, materials } = event.data;
      return materials === undefined ? null : { kind: "completed", step_id, attempt, materials };
    }
    case "STEP_REUSED":
      return { kind: "reused", step_id: event.data.step_id, from: event.data.from, isUse: event.data.cause === "pure" };
    case "GATE_FAILED":
    case "GATE_ERROR": {
      const { step_id, gate_id, required, dry_run } = event.data;
      if (step_id === undefined || !required) return null;
      const verdict = event.kind === "GATE_FAILED" ? "did not pass" : "could not be judged";
      return { kind: "spoiled", step_id, what: `required gate ${gate_id} ${verdict}${dry_run === true ? " when it was judged again" : ""}` };
    }
    case "POLICY_VIOLATION":
      return { kind: "spoiled", step_id: event.data.step_id, what: "it was found to break the policy" };
    case "ARTIFACT_REPLACED": {
      const { step_id, name } = event.data;
      return step_id === undefined ? null : { kind: "spoiled", step_id, what: `its output ${name} was replaced by a person` };
    }
    case "RUN_INCOMPLETE":
      return { kind: "void", what: "its run was left incomplete" };
    default:
      return null;
  }
}
