/** Building the authority again from the records: at whatever point it is stopped, the next try works. */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { appendFileSync, cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { recoverAuthority } from "../../src/presets/local.ts";
import { Bed, filesBelow, flow, refusalOf, sh, until } from "../runtime/bed.ts";

const child = fileURLToPath(new URL("recover-child.ts", import.meta.url));
const chatty = flow({ a: sh("head -c 40000 /dev/urandom | od > o", { outputs: { o: { path: "o" } } }), b: sh("exit 0", { needs: ["a"] }) });

let bed: Bed;
const ids: string[] = [];
beforeEach(async () => {
  bed = new Bed();
  ids.length = 0;
  for (let run = 0; run < 3; run++) ids.push((await bed.run(chatty)).view.run_id);
  await bed.close();
});
afterEach(() => bed.remove());

const path = (name: string): string => join(bed.workspaceDir, name);
function loseAuthority(): void {
  for (const name of readdirSync(bed.workspaceDir)) if (name.startsWith("authority.db")) rmSync(path(name));
}
/** The bytes of every record, by file. */
const records = (): readonly (readonly [string, string])[] => ids.map((id) => [id, readFileSync(bed.recordFile(id), "utf8")]);

async function expectWhole(before: ReturnType<typeof records>): Promise<void> {
  expect(records()).toEqual(before);
  const kernel = await bed.kernel();
  for (const id of ids) expect(await kernel.records.verify(id)).toMatchObject({ result: "anchored", problems: [] });
  const after = await bed.run(chatty);
  await bed.expectAnchored(after.view.run_id);
}

describe("recovery of the authority that is stopped on the way", () => {
  // Blocks of 512 bytes: from "nothing can be written" to "all but the last pages".
  for (const blocks of [0, 8, 64, 128, 160, 192, 256, 512]) {
    test.skipIf(process.platform === "win32")(`L6: by files that may not grow over ${blocks} blocks, works when it is tried again`, async () => {
      loseAuthority();
      const before = records();
      const { stdout } = spawnSync("sh", ["-c", `ulimit -f ${blocks}; exec "$0" "$@"`, process.execPath, child, bed.workspaceDir], { encoding: "utf8" });
      if (stdout !== "recovered\n") {
        expect(existsSync(path("authority.db"))).toBe(false);
        expect((await refusalOf(bed.open())).code).toBe("AUTHORITY_DAMAGED");
        await recoverAuthority(bed.workspaceDir);
      }
      await expectWhole(before);
    });
  }

  for (const sign of ["quarantine", "draft", "database"]) {
    test(`L6: by SIGKILL once there is a ${sign}, works when it is tried again`, async () => {
      loseAuthority();
      const before = records();
      const isThere = (): boolean => {
        const names = filesAndFolders(bed.workspaceDir);
        if (sign === "quarantine") return names.some((name) => name.startsWith("quarantine/"));
        return names.some((name) => (sign === "draft" ? name.endsWith("/draft") : name.endsWith("authority.db")));
      };
      const recovering = spawn(process.execPath, [child, bed.workspaceDir], { stdio: "ignore" });
      const ended = once(recovering, "close");
      await until(() => isThere() || recovering.exitCode !== null);
      recovering.kill("SIGKILL");
      await ended;
      if (!existsSync(path("authority.db"))) await recoverAuthority(bed.workspaceDir);
      expect((await refusalOf(recoverAuthority(bed.workspaceDir))).code).toBe("RUN_STATE_CONFLICT");
      await expectWhole(before);
    });
  }

  test("L6: by a record that cannot be read, leaves no database that would be taken for a sound one", async () => {
    loseAuthority();
    const before = records();
    const [first] = ids;
    const file = bed.recordFile(first ?? "");
    cpSync(file, join(bed.root, "aside"));
    rmSync(file);
    mkdirSync(file);
    const refusal = await refusalOf(recoverAuthority(bed.workspaceDir));
    expect(refusal.code).toMatch(/LEDGER_DAMAGED|STORAGE_FAILED/);
    expect((await refusalOf(bed.open())).code).toBe("AUTHORITY_DAMAGED");
    rmSync(file, { recursive: true });
    cpSync(join(bed.root, "aside"), file);
    await recoverAuthority(bed.workspaceDir);
    await expectWhole(before);
  });
});

describe("recovery of the authority", () => {
  test("keeps what was left of a damaged database, and leaves no draft", async () => {
    writeFileSync(path("authority.db"), "rubbish ".repeat(1_000));
    const before = records();
    const { findings } = await recoverAuthority(bed.workspaceDir);
    expect(findings[0]).toMatch(/what was left of the database is in quarantine\/authority-/);
    const kept = filesBelow(path("quarantine"));
    expect(kept.map((file) => readFileSync(file, "utf8").slice(0, 8))).toEqual(["rubbish "]);
    await expectWhole(before);
  });

  test("of a database that was gone leaves nothing in quarantine", async () => {
    loseAuthority();
    expect((await recoverAuthority(bed.workspaceDir)).findings[0]).toContain("the database was gone");
    expect(filesAndFolders(path("quarantine"))).toEqual([]);
  });

  test("L4: sets a torn tail and lines that do not follow aside, and says how many bytes", async () => {
    loseAuthority();
    const [torn = "", foreign = ""] = ids;
    appendFileSync(bed.recordFile(torn), '{"half');
    const [line] = readFileSync(bed.recordFile(foreign), "utf8").split("\n");
    appendFileSync(bed.recordFile(foreign), `${line}\n`);
    const { findings } = await recoverAuthority(bed.workspaceDir);
    expect(findings.join("\n")).toContain(`run/${torn}: `);
    expect(findings.join("\n")).toMatch(/6 bytes behind them set aside \(an unfinished line\)/);
    expect(findings.join("\n")).toMatch(/set aside \(line \d+ does not follow the one before it\)/);
    expect(filesBelow(path("quarantine"))).toHaveLength(2);
    const kernel = await bed.kernel();
    for (const id of ids) expect(await kernel.records.verify(id)).toMatchObject({ problems: [] });
    const listed = (await kernel.doctor()).filter((one) => one.subject === "quarantine");
    expect(listed.map((one) => one.level)).toEqual(["note", "note"]);
  });

  test("finds the workspace by the record of a run when the workspace's own is gone", async () => {
    loseAuthority();
    rmSync(path("streams"), { recursive: true });
    await recoverAuthority(bed.workspaceDir);
    expect((await (await bed.kernel()).runs.list()).map((row) => row.run_id).sort()).toEqual([...ids].sort());
  });

  test("of a place that no record names is refused", async () => {
    loseAuthority();
    for (const name of ["runs", "streams"]) rmSync(path(name), { recursive: true });
    mkdirSync(path("runs"));
    expect((await refusalOf(recoverAuthority(bed.workspaceDir))).code).toBe("WORKSPACE_INVALID");
  });
});

function filesAndFolders(folder: string): readonly string[] {
  return existsSync(folder) ? readdirSync(folder, { recursive: true }).map(String) : [];
}
