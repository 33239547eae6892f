/** One thing that changed, by name; digests only, never values. */
export interface WhyChange {
  readonly kind: string;
  readonly name: string;
  /** Null: it is new. */
  readonly before: string | null;
  /** Null: it is gone. */
  readonly after: string | null;
}

/** Why a step of a run was reused, done, skipped or denied, or that it has not been decided yet. */
export interface WhyView {
  readonly run_id: string;
  readonly step_id: string;
  readonly decision: "reused" | "ran" | "skipped" | "denied" | "pending";
  /** One sentence for people. */
  readonly because: string;
  /** What may be done about it; null when there is nothing. */
  readonly advice: string | null;
  /** The stored certificate; null where the decision needs none. */
  readonly why_artifact_id: string | null;
  readonly compared_with: { readonly run_id: string; readonly step_id: string; readonly attempt: number } | null;
  /** How many inputs were compared. */
  readonly inputs: number;
  readonly changed: readonly WhyChange[];
}
