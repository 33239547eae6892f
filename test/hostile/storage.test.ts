/** Full disks, read-only and damaged workspaces: nothing acknowledged is lost, and what is wrong is named. */
import { execFileSync, spawnSync } from "node:child_process";
import {
  appendFileSync,
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statfsSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { openLocal } from "../../src/presets/local.ts";
import { Bed, filesBelow, flow, isRoot, refusalOf, sh, stepOf, until } from "../runtime/bed.ts";

const child = fileURLToPath(new URL("../runtime/lead-child.ts", import.meta.url));
const simple = flow({ a: sh("printf one > o; echo log", { outputs: { o: { path: "o" } } }), b: { run: ["cat", "${steps.a.outputs.o}"] } });

function canMount(): boolean {
  if (!isRoot || process.platform !== "linux") return false;
  const dir = mkdtempSync(join(tmpdir(), "lily-mount-"));
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=64k", "none", dir], { stdio: "ignore" });
    execFileSync("umount", [dir], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

describe.skipIf(!canMount())("a full disk (needs root, to mount a small file system)", () => {
  let root = "";
  let bed: Bed;
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), "lily-full-"));
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=8m", "none", root]);
    bed = new Bed(join(root, ""));
  });
  afterEach(async () => {
    await bed.close().catch(() => undefined);
    execFileSync("umount", ["-l", root]);
    rmSync(root, { recursive: true, force: true });
  });

  const ballast = (): string => join(root, "ballast");
  /** Leaves about `freeBytes`. */
  const fill = (freeBytes: number): void => {
    const { bavail, bsize } = statfsSync(root);
    writeFileSync(ballast(), new Uint8Array(Math.max(0, bavail * bsize - freeBytes)));
  };
  const free = (): void => rmSync(ballast(), { force: true });
  const fillText = (freeKib: number): string =>
    `avail=$(df -k --output=avail ${root} | tail -1); head -c $(((avail - ${freeKib}) * 1024)) /dev/zero > ${ballast()}`;

  for (const freeKib of [0, 8, 40]) {
    test(`L2: when a step fills it up to ${freeKib} KiB, the run stops with STORAGE_FULL or goes on, loses nothing, and resumes`, async () => {
      const document = flow({
        a: sh("echo first"),
        b: sh(`test -e ${root}/resumed && exit 0; ${fillText(freeKib)}; head -c 20000 /dev/zero | tr '\\0' x`, { needs: ["a"] }),
        c: sh("head -c 60000 /dev/urandom | od > o", { needs: ["b"], outputs: { o: { path: "o" } } }),
      });
      await bed.kernel();
      await bed.close();
      const job = { document, dir: bed.dir, workspaceDir: bed.workspaceDir, dataHome: bed.dataHome };
      const { stdout: said } = spawnSync(process.execPath, [child, JSON.stringify(job)], { encoding: "utf8" });
      expect(said).toMatch(/^run \S+\n(?:refused STORAGE_FULL|end (?:failed|succeeded))\n/);
      const runId = said.slice(4).split("\n")[0] ?? "";
      const acknowledged = said.split("\n").flatMap((line) => (line.startsWith("event ") ? [line.slice(6)] : []));
      writeFileSync(ballast(), "");
      writeFileSync(join(root, "resumed"), "");
      const kernel = await bed.kernel();
      const stored = (await bed.events(runId)).map((event) => event.hash);
      expect(stored.slice(0, acknowledged.length)).toEqual(acknowledged);
      if (said.includes("STORAGE_FULL")) {
        const { view } = await bed.finish(await kernel.runs.resume(runId));
        expect(view.status).toBe("succeeded");
      }
      await bed.expectAnchored(runId);
    });
  }

  test("L2: before a run starts it is STORAGE_FULL, the earlier runs are readable and verify", async () => {
    const { view } = await bed.run(simple);
    fill(0);
    const refusal = await refusalOf(bed.run(simple));
    expect(refusal.code).toBe("STORAGE_FULL");
    const kernel = await bed.kernel();
    expect((await kernel.runs.show(view.run_id)).status).toBe("succeeded");
    expect((await kernel.records.verify(view.run_id)).result).toBe("anchored");
    free();
    await bed.close().catch(() => undefined);
    const again = await bed.run(simple);
    await bed.expectAnchored(again.view.run_id);
  });

  test("STORAGE_FULL: opening a workspace on it says so, and works once there is space", async () => {
    const { view } = await bed.run(simple);
    await bed.close();
    fill(0);
    const opened = await bed.open().then(
      async (kernel) => {
        try {
          return await kernel.runs.list();
        } finally {
          await kernel.close();
        }
      },
      (thrown: unknown) => thrown,
    );
    expect(opened).toMatchObject({ code: "STORAGE_FULL" });
    free();
    await bed.expectAnchored(view.run_id);
  });

  test("an artifact that does not fit is refused with STORAGE_FULL and leaves nothing behind", async () => {
    const kernel = await bed.kernel();
    bed.write("big", new Uint8Array(1_000_000));
    fill(100_000);
    expect((await refusalOf(kernel.artifacts.put(join(bed.dir, "big")))).code).toBe("STORAGE_FULL");
    free();
    expect(await kernel.artifacts.list()).toEqual([]);
    expect(filesBelow(join(bed.workspaceDir, "objects")).filter((path) => readFileSync(path).length > 0)).toEqual([]);
  });

  test("a new workspace is not half made: after space returns it is made", async () => {
    fill(0);
    const refusal = await refusalOf(bed.open());
    expect(refusal.code).toMatch(/STORAGE_FULL|STORAGE_FAILED/);
    free();
    const { view } = await bed.run(simple);
    await bed.expectAnchored(view.run_id);
  });

  test("a cancel on a full disk does not leave processes behind", async () => {
    const handle = await bed.start(flow({ a: sh("touch on; exec sleep 61.5") }));
    await until(() => bed.has("on"));
    fill(0);
    const outcome = await handle.cancel("stop").then(
      () => "canceled",
      (thrown: unknown) => String(Reflect.get(Object(thrown), "code")),
    );
    expect(outcome).toMatch(/canceled|STORAGE_FULL/);
    free();
    const sleeping = execFileSync("sh", ["-c", "cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' ' '"]).toString();
    expect(sleeping).not.toContain("sleep 61.5");
  });
});

describe("a workspace that is damaged", () => {
  let bed: Bed;
  let id = "";
  beforeEach(async () => {
    bed = new Bed();
    id = (await bed.run(simple)).view.run_id;
    await (await bed.kernel()).runs.list();
    await bed.close();
  });
  afterEach(() => bed.remove());
  const path = (name: string): string => join(bed.workspaceDir, name);
  const dropWal = (name: string): void => {
    for (const suffix of ["-wal", "-shm"]) rmSync(path(name + suffix), { force: true });
  };
  const harms: readonly (readonly [string, (file: string) => void])[] = [
    ["truncated", (file) => truncateSync(file, 1_000)],
    ["empty", (file) => truncateSync(file, 0)],
    ["rubbish", (file) => writeFileSync(file, "rubbish ".repeat(1_000))],
    [
      "flipped in its header",
      (file) => {
        const bytes = readFileSync(file);
        bytes[20] = 255;
        bytes[100] = 200;
        writeFileSync(file, bytes);
      },
    ],
    [
      "a folder",
      (file) => {
        rmSync(file);
        mkdirSync(file);
      },
    ],
  ];

  for (const [what, harm] of harms) {
    test(`authority.db that is ${what} is refused by code, never written over`, async () => {
      dropWal("authority.db");
      harm(path("authority.db"));
      const refusal = await refusalOf(bed.open());
      expect(refusal.code).toMatch(/AUTHORITY_DAMAGED|WORKSPACE_INVALID|STORAGE_FAILED/);
      expect(refusal.message).toMatch(/authority/);
      expect(existsSync(bed.recordFile(id))).toBe(true);
    });
    test(`L6: index.db that is ${what} is no loss: it is derived, and is built again`, async () => {
      dropWal("index.db");
      harm(path("index.db"));
      const kernel = await bed.kernel();
      const listed = await kernel.runs.list().catch((thrown: unknown) => thrown);
      if (Array.isArray(listed)) expect(listed).toHaveLength(1);
      else {
        expect(Reflect.get(Object(listed), "code")).toMatch(/INDEX|STORAGE/);
        expect(await kernel.rebuildIndex()).toMatchObject({ runs: 1 });
      }
      await bed.expectAnchored(id);
    });
  }

  test("a database of a newer format is WORKSPACE_NEWER", async () => {
    const { DatabaseSync } = await import("node:sqlite");
    const db = new DatabaseSync(path("authority.db"));
    const version = Number(Object.values(db.prepare("PRAGMA user_version").get() ?? {})[0]);
    db.exec(`PRAGMA user_version = ${version + 1}`);
    db.close();
    expect((await refusalOf(bed.open())).code).toBe("WORKSPACE_NEWER");
  });

  test("A1: an object that is a folder, a link, empty or cut is never served", async () => {
    const kernel = await bed.kernel();
    const [made] = stepOf(await kernel.runs.show(id), "a").produced_artifact_ids;
    const { digest } = await kernel.artifacts.show(made ?? "");
    const file = filesBelow(path("objects")).find((one) => one.replaceAll("/", "").endsWith(digest.slice(7))) ?? "";
    const content = readFileSync(file);
    const tries: readonly (() => void)[] = [
      () => mkdirSync(file),
      () => execFileSync("ln", ["-s", "/etc/hostname", file]),
      () => execFileSync("mkfifo", [file]),
      () => writeFileSync(file, ""),
      () => writeFileSync(file, content.subarray(1)),
      () => writeFileSync(file, Buffer.concat([content, content])),
    ];
    for (const harm of tries) {
      rmSync(file, { recursive: true, force: true });
      harm();
      expect((await refusalOf(kernel.artifacts.get(made ?? ""))).code).toMatch(/OBJECT_(CORRUPT|MISSING)/);
    }
    rmSync(file, { recursive: true, force: true });
    writeFileSync(file, content);
    expect(Buffer.from(await kernel.artifacts.get(made ?? ""))).toEqual(content);
  });

  test("A1: a resumed run whose input object is gone stops with its code and can go on when it is back", async () => {
    const document = flow(
      {
        a: sh("printf one > o", { outputs: { o: { path: "o" } } }),
        b: { run: ["cat", "${steps.a.outputs.o}"], gates: [{ id: "g", run: ["test", "-e", "ok"] }] },
      },
      { routes: [{ id: "r", when: { gate: "g" }, do: { escalate: "wait" } }] },
    );
    const { view } = await bed.run(document);
    expect(view.status).toBe("blocked");
    const { digest } = await (await bed.kernel()).artifacts.show(stepOf(view, "a").produced_artifact_ids[0] ?? "");
    await bed.close();
    const file = filesBelow(path("objects")).find((one) => one.replaceAll("/", "").endsWith(digest.slice(7))) ?? "";
    renameSync(file, `${bed.root}/aside`);
    bed.write("ok", "");
    const handle = await (await bed.kernel()).runs.resume(view.run_id, { unblockReason: "x" });
    expect((await refusalOf(handle.done())).code).toBe("OBJECT_MISSING");
    renameSync(`${bed.root}/aside`, file);
    const again = await bed.finish(await (await bed.kernel()).runs.resume(view.run_id));
    expect(again.view.status).toBe("succeeded");
    await bed.expectAnchored(view.run_id);
  });

  test("L4: a run whose record is damaged does not resume, others go on", async () => {
    const { view } = await bed.run(flow({ a: sh("exit 1") }, { routes: [{ id: "r", when: { step: "a" }, do: { escalate: "look" } }] }));
    await bed.close();
    const text = readFileSync(bed.recordFile(view.run_id), "utf8");
    writeFileSync(bed.recordFile(view.run_id), text.replace("STEP_STARTED", "STEP_STARTEX"));
    const refusal = await refusalOf(async () => (await bed.kernel()).runs.resume(view.run_id, { unblockReason: "x" }));
    expect(refusal.code).toMatch(/^LEDGER_/);
    const other = await bed.run(simple);
    await bed.expectAnchored(other.view.run_id);
  });

  test("an unreadable key is named, and the run's record is whole all the same", async () => {
    const [key] = filesBelow(bed.dataHome).filter((one) => one.includes("keys"));
    writeFileSync(key ?? "", "rubbish");
    const handle = await bed.start(simple);
    expect((await handle.done()).status).toBe("succeeded");
    expect(await handle.anchoring()).toMatchObject({ code: "KEY_INVALID" });
    const [row] = await (await bed.kernel()).runs.list({ limit: 1 });
    expect(row?.status).toBe("succeeded");
  });

  test("a folder without authority but with records is not taken for an empty place", async () => {
    for (const name of readdirSync(bed.workspaceDir)) if (name.startsWith("authority.db")) rmSync(path(name));
    expect(await refusalOf(bed.open())).toMatchObject({ code: "AUTHORITY_DAMAGED", message: expect.stringContaining("--recover-authority") });
  });

  test("a manifest that somebody rewrote is named when the run is resumed", async () => {
    const { view } = await bed.run(flow({ a: sh("exit 1") }, { routes: [{ id: "r", when: { step: "a" }, do: { escalate: "look" } }] }));
    const manifest = path(`runs/${view.run_id}/run_manifest.json`);
    chmodSync(manifest, 0o644);
    writeFileSync(manifest, "{}\n");
    expect(await refusalOf((await bed.kernel()).runs.resume(view.run_id, { unblockReason: "x" }))).toMatchObject({
      code: "RUN_STATE_CONFLICT",
      message: expect.stringContaining("run_manifest.json"),
    });
  });
});

describe("a workspace that cannot be written", () => {
  test.skipIf(isRoot)("by its permissions is WORKSPACE_READ_ONLY (root may write anywhere)", async () => {
    const dir = mkdtempSync(join(tmpdir(), "lily-ro-"));
    chmodSync(dir, 0o555);
    expect((await refusalOf(openLocal({ workspaceDir: join(dir, ".lily"), create: true, dataHome: join(dir, "data") }))).code).toBe("WORKSPACE_READ_ONLY");
    chmodSync(dir, 0o755);
    rmSync(dir, { recursive: true });
  });

  /** An auditor's copy: everything that only looks works, everything that writes is refused by code, and nothing is left behind. */
  async function expectReadable(bed: Bed, run: string): Promise<void> {
    const copies = (): readonly string[] => readdirSync(tmpdir()).filter((name) => name.startsWith("lily-read-"));
    const before = copies();
    const kernel = await bed.kernel();
    expect((await kernel.runs.list()).map(({ run_id }) => run_id)).toEqual([run]);
    expect((await kernel.runs.show(run)).status).toBe("succeeded");
    await bed.expectAnchored(run);
    expect((await bed.events(run)).length).toBeGreaterThan(5);
    const [artifact] = (await kernel.artifacts.list({ run_id: run })).filter(({ artifact_name: name }) => name?.startsWith("o"));
    expect(new TextDecoder().decode(await kernel.artifacts.get(artifact?.artifact_id ?? ""))).toBe("one");
    const findings = await kernel.doctor();
    expect(findings.filter(({ level }) => level === "problem")).toEqual([]);
    expect(findings.find(({ subject, level }) => subject === "workspace" && level === "note")?.message).toContain("cannot be written");
    const refused = [
      () => bed.run(simple),
      () => kernel.runs.create({}),
      () => kernel.artifacts.put(join(bed.dir, "note.txt")),
      () => kernel.runs.cancel(run, "x"),
    ];
    for (const attempt of refused) expect((await refusalOf(attempt())).code).toMatch(/WORKSPACE_READ_ONLY|RUN_STATE_CONFLICT/);
    await bed.close();
    expect(copies()).toEqual(before);
  }

  test.skipIf(isRoot)("because its permissions say so can be read", async () => {
    const bed = new Bed();
    const { view } = await bed.run(simple);
    bed.write("note.txt", "x");
    await bed.close();
    execFileSync("chmod", ["-R", "a-w", bed.workspaceDir]);
    try {
      await expectReadable(bed, view.run_id);
    } finally {
      execFileSync("chmod", ["-R", "u+w", bed.workspaceDir]);
      await bed.remove();
    }
  });

  test.skipIf(!canMount())("because its file system is read-only is refused by code; reading works (needs root, to mount)", async () => {
    const root = mkdtempSync(join(tmpdir(), "lily-ro-"));
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=16m", "none", root]);
    const bed = new Bed(root);
    try {
      const { view } = await bed.run(simple);
      bed.write("note.txt", "x");
      // A copy that was made while a process had it open: write-ahead log and shared memory are there.
      const copy = `${bed.workspaceDir}-copy`;
      cpSync(bed.workspaceDir, copy, { recursive: true });
      await bed.close();
      rmSync(bed.workspaceDir, { recursive: true });
      renameSync(copy, bed.workspaceDir);
      execFileSync("mount", ["-o", "remount,ro", root]);
      await expectReadable(bed, view.run_id);
      execFileSync("mount", ["-o", "remount,rw", root]);
      await bed.expectAnchored(view.run_id);
    } finally {
      await bed.close().catch(() => undefined);
      execFileSync("umount", ["-l", root]);
      rmSync(root, { recursive: true, force: true });
    }
  });

  test("in a place that is a file is refused", async () => {
    const bed = new Bed();
    try {
      appendFileSync(bed.workspaceDir, "a file");
      expect((await refusalOf(bed.open())).code).toMatch(/STORAGE_FAILED|WORKSPACE_/);
    } finally {
      rmSync(bed.root, { recursive: true, force: true });
    }
  });
});
