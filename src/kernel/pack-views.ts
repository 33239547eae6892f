import type { ProblemView } from "../contracts/run-view.ts";

export interface PackRow {
  readonly name: string;
  readonly version: string;
  readonly title: string | null;
  readonly digest: string;
  /** Absolute folder. */
  readonly dir: string;
  /** As lily.yaml names it. */
  readonly entry: string;
  /** The versions of Lily that it works with. */
  readonly kernel: string;
  readonly files: number;
  readonly brings: {
    readonly schemas: readonly string[];
    readonly modules: readonly string[];
    readonly executors: readonly string[];
    readonly step_templates: readonly string[];
    readonly gate_templates: readonly string[];
    readonly routes: readonly string[];
    readonly policy: boolean;
  };
}

export interface Packs {
  /** The packs of the workspace's lily.yaml. PACK_NOT_FOUND, PACK_INVALID, PACK_VERSION_UNSUPPORTED, PACK_CLASH. */
  list(): Promise<readonly PackRow[]>;
  /** Every problem of the pack in a folder, or, without one, of the packs in lily.yaml. Modules are loaded, each in a process of its own. */
  check(folder: string | null): Promise<readonly ProblemView[]>;
}
