/** The security state of a workspace on this machine, without a kernel: it can be shown and set where the database is broken or read-only. */
import * as fs from "node:fs";
import { resolve } from "node:path";
import { openFsRecordFiles } from "../adapters/fs/record-files.ts";
import { openSecurityFile } from "../adapters/fs/security-file.ts";
import { createEnvironmentProbe } from "../adapters/process/environment-probe.ts";
import { isOwnerAlive } from "../adapters/process/owner-liveness.ts";
import { openSqliteAuthority } from "../adapters/sqlite/authority-store.ts";
import { systemClock } from "../adapters/system/clock.ts";
import { systemIds } from "../adapters/system/id-source.ts";
import { LilyError } from "../base/lily-error.ts";
import { kernelVersion } from "../base/version.ts";
import { type Security, securityOperations } from "../kernel/security-operations.ts";
import type { WorkspaceBuild } from "../ledger/workspace-writer.ts";

/** Throws WORKSPACE_NOT_FOUND when the folder does not exist. */
export function localSecurity(workspaceDir: string): Security {
  const dir = resolve(workspaceDir);
  if (!fs.existsSync(dir)) throw new LilyError("WORKSPACE_NOT_FOUND", `there is no workspace at ${dir}`, { details: { path: dir } });
  return securityOperations({
    security: openSecurityFile(dir),
    probe: createEnvironmentProbe({ kernelVersion }),
    clock: systemClock,
    ids: systemIds,
    record: (build) => recordIn(dir, build),
  });
}

async function recordIn(dir: string, build: WorkspaceBuild): Promise<void> {
  const authority = await openSqliteAuthority({ dir, clock: systemClock, isOwnerAlive });
  try {
    if (authority.isReadOnly === true) throw new LilyError("WORKSPACE_READ_ONLY", `the workspace ${dir} can be read only`);
    const files = openFsRecordFiles({ root: dir });
    const { openLedger } = await import("../ledger/ledger.ts");
    const ledger = await openLedger({ authority, files, clock: systemClock });
    try {
      await ledger.appendWorkspace(build);
    } finally {
      await ledger.close();
      await files.close();
    }
  } finally {
    await authority.close();
  }
}
