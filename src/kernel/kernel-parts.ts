import type { AttemptFolders } from "../ports/attempt-folders.ts";
import type { AuthorityStore } from "../ports/authority-store.ts";
import type { ChangeObservers } from "../ports/change-observer.ts";
import type { Clock } from "../ports/clock.ts";
import type { Compressor } from "../ports/compressor.ts";
import type { EnvironmentProbe } from "../ports/environment-probe.ts";
import type { FolderMaker } from "../ports/folder-maker.ts";
import type { FileTrees } from "../ports/file-tree.ts";
import type { IdSource } from "../ports/id-source.ts";
import type { ModuleHost } from "../ports/module-host.ts";
import type { ObjectStore } from "../ports/object-store.ts";
import type { ProcessRunner } from "../ports/process-runner.ts";
import type { RecordFiles } from "../ports/record-files.ts";
import type { RunIndex } from "../ports/run-index.ts";
import type { SecurityControl } from "../ports/security-monitor.ts";
import type { SignatureVerifier } from "../ports/signature-verifier.ts";
import type { TrustStore } from "../ports/signer.ts";

/** The technology a kernel stands on; presets choose it. */
export interface KernelParts {
  /** Absolute folder of the workspace, `.lily` by default. */
  readonly workspaceDir: string;
  /** Absolute folder that lily.yaml lies in: the one that holds the workspace. */
  readonly homeDir: string;
  /** Absolute folder that the paths of a document without a folder are relative to; absent where there is no such folder. */
  readonly defaultSourceDir?: string;
  readonly authority: AuthorityStore;
  readonly files: RecordFiles;
  readonly objects: ObjectStore;
  readonly trees: FileTrees;
  readonly folders: AttemptFolders;
  readonly processes: ProcessRunner;
  readonly modules: ModuleHost;
  readonly probe: EnvironmentProbe;
  readonly clock: Clock;
  readonly ids: IdSource;
  readonly trust: TrustStore;
  readonly verifier: SignatureVerifier;
  readonly index: RunIndex;
  /** Absent: nobody tells the security state of the workspace. */
  readonly security?: SecurityControl;
  /** Absent: writes of steps are not compared. */
  readonly observers?: ChangeObservers;
  /** Absent: folders that a step may write to are not made for its sandbox. */
  readonly folderMaker?: FolderMaker;
  /** Absolute folders beside the workspace that no sandbox shows, such as that of the keys. */
  readonly hiddenFolders?: readonly string[];
  /** Absent: what a report holds is not made smaller. */
  readonly compressor?: Compressor;
  /** Steps at once when nobody says. */
  readonly parallel: number;
}
