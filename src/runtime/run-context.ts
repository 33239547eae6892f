import type { Digest } from "../base/digest.ts";
import type { RunId } from "../contracts/ids.ts";
import type { PlanDocument } from "../contracts/plan-document.ts";
import type { ArtifactStore } from "../artifacts/artifact-store.ts";
import type { JsonValue } from "../base/json-value.ts";
import type { RunState } from "../graph/run-state.ts";
import type { Ledger } from "../ledger/ledger.ts";
import type { ChangeObservers } from "../ports/change-observer.ts";
import type { SecurityMonitor, SecurityReading } from "../ports/security-monitor.ts";
import type { AttemptFolders } from "../ports/attempt-folders.ts";
import type { Clock } from "../ports/clock.ts";
import type { EnvironmentProbe } from "../ports/environment-probe.ts";
import type { FolderMaker } from "../ports/folder-maker.ts";
import type { FileTree, FileTrees } from "../ports/file-tree.ts";
import type { IdSource } from "../ports/id-source.ts";
import type { RunIndex } from "../ports/run-index.ts";
import type { LeaseStore } from "../ports/lease-store.ts";
import type { LoadedModule, ModuleHost } from "../ports/module-host.ts";
import type { ObjectStore } from "../ports/object-store.ts";
import type { ProcessRunner } from "../ports/process-runner.ts";
import type { UnsettledCode } from "./unsettled-code.ts";
import type { CodeGuard } from "./code-guard.ts";
import type { PackGuard } from "./pack-guard.ts";

/** Checks a payload against a registered schema; each problem is a sentence that names its place. SCHEMA_UNKNOWN. */
export interface SchemaChecker {
  problems(schemaId: string, value: JsonValue): Promise<readonly string[]>;
}

/** What the runner needs of the world and of the rooms below it. */
export interface RuntimeDeps {
  readonly workspaceDir: string;
  readonly workspaceId: string;
  readonly ledger: Ledger;
  readonly leases: LeaseStore;
  readonly objects: ObjectStore;
  readonly artifacts: ArtifactStore;
  readonly schemas: SchemaChecker;
  readonly trees: FileTrees;
  readonly folders: AttemptFolders;
  readonly processes: ProcessRunner;
  readonly modules: ModuleHost;
  readonly probe: EnvironmentProbe;
  readonly clock: Clock;
  readonly ids: IdSource;
  readonly unsettled: UnsettledCode;
  /** The loaded packs by name; absent when there are none. */
  readonly packs?: ReadonlyMap<string, PackGuard>;
  /** Null: nobody tells the security state, and runs proceed unless their policy forbids it (S1). */
  readonly security: SecurityMonitor | null;
  /** The index, brought up to the records when it is first asked for. */
  readonly index: () => Promise<RunIndex>;
  /** Digest of a text under the secret of the workspace. */
  readonly keyed: (text: string) => Promise<Digest>;
  /** Null: writes of steps are not compared. */
  readonly observers: ChangeObservers | null;
  /** Null: folders that a step may write to are not made for its sandbox. */
  readonly folderMaker: FolderMaker | null;
  /** Absolute folders beside the workspace that no sandbox shows, such as that of the keys. */
  readonly hiddenFolders: readonly string[];
}

/** One run while this process leads it. */
export interface RunContext {
  readonly deps: RuntimeDeps;
  readonly runId: RunId;
  readonly plan: PlanDocument;
  readonly planHash: Digest;
  readonly state: RunState;
  /** The workflow's folder. */
  readonly sourceDir: string;
  readonly tree: FileTree;
  /** The folder of lily.yaml, where module paths start. */
  readonly configDir: string;
  readonly principal: string;
  /** Modules that this process loaded for the run, by isolation and name. */
  readonly loadedModules: Map<string, LoadedModule>;
  /** The plan's code in the workflow's folder. */
  readonly codeGuard: CodeGuard;
  /** Whether earlier results may stand in for pure steps. */
  readonly reuse: boolean;
  /** What the security monitor said when this process began to lead the run. */
  readonly securityAtStart: SecurityReading;
}
