/** The local profile: SQLite and files in one folder, processes of this machine, the key outside the workspace. No server. */
import * as fs from "node:fs";
import { join, resolve } from "node:path";
import { openFsRecordFiles } from "../adapters/fs/record-files.ts";
import { isOwnerAlive } from "../adapters/process/owner-liveness.ts";
import { createSqliteAuthority, openSqliteAuthority } from "../adapters/sqlite/authority-store.ts";
import { systemClock } from "../adapters/system/clock.ts";
import { systemIds } from "../adapters/system/id-source.ts";
import { LilyError } from "../base/lily-error.ts";
import { timeText } from "../base/time-text.ts";
import { kernelVersion } from "../base/version.ts";
import { workspaceStream } from "../contracts/ids.ts";
import type { Kernel } from "../kernel/kernel.ts";
import { openKernel } from "../kernel/open-kernel.ts";
import type { Security } from "../kernel/security-operations.ts";
import type { AuthorityStore } from "../ports/authority-store.ts";
import { localParts, localTrust } from "./local-parts.ts";
import { authorityFile, findWorkspace, hasRemains, isWorkspace, makeWorkspaceFolder, workspaceFolder } from "./workspace-files.ts";

export { findWorkspace } from "./workspace-files.ts";

export interface OpenLocalOptions {
  /** Folder of the workspace; default: the nearest .lily above the working directory. */
  readonly workspaceDir?: string;
  /** Make the workspace when there is none; false refuses (WORKSPACE_NOT_FOUND). Default true. */
  readonly create?: boolean;
  /** Where keys and remembered checkpoints lie; default `$XDG_DATA_HOME` or `~/.local/share`. */
  readonly dataHome?: string;
}

/** Opens a workspace on this machine. WORKSPACE_NOT_FOUND, WORKSPACE_UNFIT, WORKSPACE_READ_ONLY, AUTHORITY_DAMAGED. */
export async function openLocal(options: OpenLocalOptions = {}): Promise<Kernel> {
  const workspaceDir = resolve(options.workspaceDir ?? findWorkspace(process.cwd()) ?? workspaceFolder);
  if (isWorkspace(workspaceDir)) return openExisting(workspaceDir, options);
  refuseRemains(workspaceDir);
  if (options.create === false) throw notFound(workspaceDir);
  await makeWorkspace(workspaceDir, options);
  return openExisting(workspaceDir, options);
}

/** Makes lily.yaml and the workspace beside it, where they are missing. */
export async function initWorkspace(
  dir: string,
  options: Pick<OpenLocalOptions, "dataHome"> = {},
): Promise<{ readonly workspaceDir: string; readonly workspaceId: string; readonly created: boolean; readonly files: readonly string[] }> {
  const workspaceDir = join(resolve(dir), workspaceFolder);
  const files: string[] = [];
  const created = !isWorkspace(workspaceDir);
  if (created) {
    refuseRemains(workspaceDir);
    await makeWorkspace(workspaceDir, options);
    files.push(workspaceFolder);
  }
  const config = join(resolve(dir), "lily.yaml");
  if (!fs.existsSync(config)) {
    const { initialWorkspaceConfig } = await import("../kernel/initial-config.ts");
    fs.writeFileSync(config, initialWorkspaceConfig(), { flag: "wx", flush: true });
    files.push("lily.yaml");
  }
  const kernel = await openExisting(workspaceDir, options);
  const { workspaceId } = kernel;
  await kernel.close();
  return { workspaceDir, workspaceId, created, files };
}

async function openExisting(workspaceDir: string, options: OpenLocalOptions): Promise<Kernel> {
  const authority = await openSqliteAuthority({ dir: workspaceDir, clock: systemClock, isOwnerAlive });
  try {
    if (authority.isReadOnly !== true && (await authority.journal.head(workspaceStream)) === null) await recordCreation(workspaceDir, authority);
    return openKernel(await localParts(workspaceDir, authority, localTrust(workspaceDir, options.dataHome), options.dataHome));
  } catch (thrown) {
    await authority.close();
    throw thrown;
  }
}

/** Folder, key, authority, first event: in this order, so that a crash in between leaves what the next try completes. */
async function makeWorkspace(workspaceDir: string, options: OpenLocalOptions): Promise<void> {
  makeWorkspaceFolder(workspaceDir);
  const workspaceId = systemIds.runId();
  await localTrust(workspaceDir, options.dataHome).createKey(workspaceId);
  const identity = { workspaceId, format: 1, kernelVersion, createdAt: timeText(systemClock.nowMs()) } as const;
  const authority = await createSqliteAuthority({ dir: workspaceDir, clock: systemClock, isOwnerAlive, identity });
  try {
    await recordCreation(workspaceDir, authority);
  } finally {
    await authority.close();
  }
}

/** The first event of the workspace. Whoever opens a workspace whose maker died before it records it in the maker's place. */
async function recordCreation(workspaceDir: string, authority: AuthorityStore): Promise<void> {
  const files = openFsRecordFiles({ root: workspaceDir });
  const { openLedger } = await import("../ledger/ledger.ts");
  const ledger = await openLedger({ authority, files, clock: systemClock });
  const data = { workspace_id: authority.identity.workspaceId, format: 1, kernel_version: kernelVersion } as const;
  await ledger.appendWorkspace(() => [{ kind: "WORKSPACE_CREATED", key: "WORKSPACE_CREATED", by: "system:init", data }]);
  await ledger.close();
  await files.close();
}

/** Records without their authority are not an empty place: making a new workspace over them would orphan them. */
function refuseRemains(workspaceDir: string): void {
  if (!hasRemains(workspaceDir)) return;
  throw new LilyError(
    "AUTHORITY_DAMAGED",
    `${join(workspaceDir, authorityFile)} is missing, but the workspace holds records; run lily doctor --recover-authority`,
    { details: { path: workspaceDir } },
  );
}

function notFound(workspaceDir: string): LilyError {
  return new LilyError("WORKSPACE_NOT_FOUND", `there is no workspace at ${workspaceDir}`, { details: { path: workspaceDir } });
}

/** The security state of the workspace, also where its database is broken. WORKSPACE_NOT_FOUND. */
export async function localSecurity(workspaceDir: string): Promise<Security> {
  return (await import("./local-security.ts")).localSecurity(workspaceDir);
}

/** Builds the authority again from the records, when the database is lost. */
export async function recoverAuthority(workspaceDir: string): Promise<{ readonly findings: readonly string[] }> {
  return (await import("./recover-local.ts")).recoverLocalAuthority(workspaceDir);
}
