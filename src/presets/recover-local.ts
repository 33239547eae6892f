/**
 * Recovery of a lost authority database on this machine: what is left of it is set aside, never deleted.
 * Invariants: 1. `authority.db` is missing from when the damaged one was set aside until the new one is whole and durable, so that a
 * crash or a full disk at any point leaves a workspace which says that it needs recovery, and recovering again works.
 */
import * as fs from "node:fs";
import { join, resolve } from "node:path";
import { syncFolder } from "../adapters/fs/durable-folder.ts";
import { openFsRecordFiles } from "../adapters/fs/record-files.ts";
import { createEnvironmentProbe } from "../adapters/process/environment-probe.ts";
import { isOwnerAlive } from "../adapters/process/owner-liveness.ts";
import { createSqliteAuthority, openSqliteAuthority } from "../adapters/sqlite/authority-store.ts";
import { systemClock } from "../adapters/system/clock.ts";
import { systemIds } from "../adapters/system/id-source.ts";
import { isLilyError, LilyError } from "../base/lily-error.ts";
import { kernelVersion } from "../base/version.ts";
import { storageProblem } from "./storage-problem.ts";
import { authorityFile } from "./workspace-files.ts";

const indexFiles = ["index.db", "index.db-wal", "index.db-shm"];

/** Throws RUN_STATE_CONFLICT when the database is sound: there is nothing to recover, and recovering would lose its leases. */
export async function recoverLocalAuthority(workspaceDir: string): Promise<{ readonly findings: readonly string[] }> {
  const dir = resolve(workspaceDir);
  if (await isSound(dir)) throw new LilyError("RUN_STATE_CONFLICT", "the authority database is sound; nothing was changed");
  const aside = moveAside(dir);
  const draft = join(dir, aside.name, "draft");
  const { recoverAuthority } = await import("../kernel/recover-authority.ts");
  const probe = createEnvironmentProbe({ kernelVersion });
  const files = openFsRecordFiles({ root: dir });
  try {
    const report = await recoverAuthority({
      files,
      clock: systemClock,
      owner: probe.owner(),
      principal: probe.principal(),
      create: (identity) => {
        fs.mkdirSync(draft);
        return createSqliteAuthority({ dir: draft, clock: systemClock, isOwnerAlive, identity });
      },
    });
    await publish(draft, dir);
    const moved = aside.holds ? `what was left of the database is in ${aside.name}` : "the database was gone";
    return { findings: [`workspace ${report.workspaceId}: ${moved}`, ...report.findings] };
  } catch (thrown) {
    throw isLilyError(thrown) ? thrown : storageProblem(thrown, "the authority could not be built again");
  } finally {
    await files.close();
    fs.rmSync(draft, { recursive: true, force: true });
    if (!aside.holds) fs.rmSync(join(dir, aside.name), { recursive: true, force: true });
  }
}

/** Gives the closed database its name, once and durably. RUN_STATE_CONFLICT when another process was first. */
async function publish(draft: string, dir: string): Promise<void> {
  const built = join(draft, authorityFile);
  if (fs.existsSync(`${built}-wal`)) throw new LilyError("STORAGE_FAILED", "the new database did not take in its write-ahead log; run the recovery again");
  const target = join(dir, authorityFile);
  if (fs.existsSync(target)) throw new LilyError("RUN_STATE_CONFLICT", `${target} was made meanwhile; nothing was changed`);
  fs.linkSync(built, target);
  await syncFolder(dir);
}

async function isSound(dir: string): Promise<boolean> {
  if (!fs.existsSync(join(dir, authorityFile))) return false;
  try {
    const authority = await openSqliteAuthority({ dir, clock: systemClock, isOwnerAlive });
    try {
      return (await authority.check()).length === 0;
    } finally {
      await authority.close();
    }
  } catch (thrown) {
    if (isLilyError(thrown, "AUTHORITY_DAMAGED")) return false;
    throw thrown;
  }
}

interface Aside {
  /** Folder, relative to the workspace. */
  readonly name: string;
  /** True when something of the database was left to set aside. */
  readonly holds: boolean;
}

function moveAside(dir: string): Aside {
  const name = join("quarantine", `authority-${systemIds.randomHex(4)}`);
  const present = [authorityFile, `${authorityFile}-wal`, `${authorityFile}-shm`].filter((file) => fs.existsSync(join(dir, file)));
  try {
    fs.mkdirSync(join(dir, name), { recursive: true });
    // The index follows the change numbers of the authority that is gone; it is derived and is filled again.
    for (const file of indexFiles) fs.rmSync(join(dir, file), { force: true });
    for (const file of present) fs.renameSync(join(dir, file), join(dir, name, file));
  } catch (thrown) {
    throw storageProblem(thrown, "the damaged database could not be set aside");
  }
  return { name, holds: present.length > 0 };
}
