/** The technology of the local profile: files, SQLite, processes of this machine. */
import { availableParallelism, homedir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { signatureVerifier } from "../adapters/crypto/signature-verifier.ts";
import { openFsAttemptFolders } from "../adapters/fs/attempt-folders.ts";
import { openFsChangeObservers } from "../adapters/fs/change-observer.ts";
import { openFsFolderMaker } from "../adapters/fs/folder-maker.ts";
import { openFsFileTrees } from "../adapters/fs/file-tree.ts";
import { openFsObjectStore } from "../adapters/fs/object-store.ts";
import { openFsRecordFiles } from "../adapters/fs/record-files.ts";
import { openSecurityFile } from "../adapters/fs/security-file.ts";
import { openFsTrustStore } from "../adapters/fs/trust-store.ts";
import { createEnvironmentProbe } from "../adapters/process/environment-probe.ts";
import { processLockdown } from "../adapters/process/lockdown-signal.ts";
import { createModuleHost } from "../adapters/process/module-host.ts";
import { createProcessRunner } from "../adapters/process/process-runner.ts";
import { openSqliteRunIndex } from "../adapters/sqlite/run-index.ts";
import { systemClock } from "../adapters/system/clock.ts";
import { zlibCompressor } from "../adapters/system/compressor.ts";
import { systemIds } from "../adapters/system/id-source.ts";
import { kernelVersion } from "../base/version.ts";
import type { KernelParts } from "../kernel/kernel-parts.ts";
import type { AuthorityStore } from "../ports/authority-store.ts";
import type { TrustStore } from "../ports/signer.ts";

/** Opens the parts; whoever opens a kernel over them closes them with it. */
export async function localParts(workspaceDir: string, authority: AuthorityStore, trust: TrustStore, dataHome?: string): Promise<KernelParts> {
  const processes = createProcessRunner();
  const isReadOnly = authority.isReadOnly === true;
  return {
    workspaceDir,
    homeDir: dirname(workspaceDir),
    defaultSourceDir: process.cwd(),
    authority,
    files: openFsRecordFiles({ root: workspaceDir }),
    objects: await openFsObjectStore(join(workspaceDir, "objects"), { isReadOnly }),
    trees: openFsFileTrees(),
    folders: openFsAttemptFolders(workspaceDir),
    observers: openFsChangeObservers(),
    folderMaker: openFsFolderMaker(),
    hiddenFolders: [join(dataHomeOf(dataHome), "lily")],
    processes,
    modules: createModuleHost(processes),
    probe: createEnvironmentProbe({ kernelVersion }),
    clock: systemClock,
    ids: systemIds,
    trust,
    verifier: signatureVerifier,
    security: processLockdown.over(openSecurityFile(workspaceDir)),
    index: openSqliteRunIndex(isReadOnly ? ":memory:" : join(workspaceDir, "index.db")),
    compressor: zlibCompressor,
    parallel: availableParallelism(),
  };
}

/** Keys and remembered checkpoints of this machine: in `dataHome`, else `$XDG_DATA_HOME`, else `~/.local/share`. */
export function localTrust(workspaceDir: string, dataHome: string | undefined): TrustStore {
  return openFsTrustStore({ dataHome: dataHomeOf(dataHome), workspaceDir });
}

function dataHomeOf(dataHome: string | undefined): string {
  return resolve(dataHome ?? process.env["XDG_DATA_HOME"] ?? join(homedir(), ".local", "share"));
}
