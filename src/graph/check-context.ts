import type { PlanPolicy } from "../contracts/plan-document.ts";
import type { PolicyLayer } from "./compose-policy.ts";
import type { Report } from "./problem-list.ts";
import type { WorkflowDocument } from "./workflow-document.ts";
import type { WorkflowNames } from "./workflow-names.ts";

/** What every part of the check is given. `document` holds the members whose shape is right. */
export interface CheckContext {
  readonly document: WorkflowDocument;
  readonly names: WorkflowNames;
  readonly modules: ReadonlySet<string>;
  /** Those of them that packs bring. */
  readonly packModules: ReadonlySet<string>;
  readonly schemas: ReadonlySet<string>;
  readonly executors: ReadonlySet<string>;
  /** Policies of packs and workspace, for messages. */
  readonly policyLayers: readonly PolicyLayer[];
  /** The whole policy, as far as its members can be read. */
  readonly policy: PlanPolicy;
  /** The workflow's folder, where it is known. */
  readonly folder: string | null;
  readonly report: Report;
  /** Where the item of a list stood in the text. */
  readonly placeOf: (list: string, index: number) => number;
}

export type Path = readonly PropertyKey[];
