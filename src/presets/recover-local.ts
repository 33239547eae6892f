/** Recovery of a lost authority database on this machine: what is left of it is set aside, never deleted. */
import * as fs from "node:fs";
import { join, resolve } from "node:path";
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
  const setAside = moveAside(dir);
  const { recoverAuthority } = await import("../kernel/recover-authority.ts");
  const probe = createEnvironmentProbe({ kernelVersion });
  const files = openFsRecordFiles({ root: dir });
  try {
    const report = await recoverAuthority({
      files,
      clock: systemClock,
      owner: probe.owner(),
      principal: probe.principal(),
      create: (identity) => createSqliteAuthority({ dir, clock: systemClock, isOwnerAlive, identity }),
    });
    const moved = setAside === null ? "the database was gone" : `what was left of the database is in ${setAside}`;
    return { findings: [`workspace ${report.workspaceId}: ${moved}`, ...report.findings] };
  } finally {
    await files.close();
  }
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

function moveAside(dir: string): string | null {
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
  return present.length === 0 ? null : name;
}
