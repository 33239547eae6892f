/** What is told of a run afterwards: verification, views, provenance, doctor, recovery. */
import { execFileSync } from "node:child_process";
import {
  appendFileSync,
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { digestBytes } from "../../src/base/digest.ts";
import { recoverAuthority } from "../../src/presets/local.ts";
import { Bed, filesBelow, flow, sh, stepOf } from "./bed.ts";

let bed: Bed;
beforeEach(() => {
  bed = new Bed();
});
afterEach(() => bed.remove());

const simple = flow({ a: sh("printf one > o; echo log", { outputs: { o: { path: "o" } } }), b: { run: ["cat", "${steps.a.outputs.o}"] } });

async function finished(): Promise<string> {
  const { view } = await bed.run(simple);
  await bed.close();
  return view.run_id;
}

/** Lines with their hashes made anew from `from` on, as somebody who knows the format would. */
function rewrite(text: string, change: (line: string, index: number) => string): string {
  let prev: string | null = null;
  const lines = text
    .trimEnd()
    .split("\n")
    .map((line, index) => {
      const cut = change(line.slice(0, -82), index).replace(/"prev":(?:null|"sha256:[0-9a-f]{64}")/, `"prev":${prev === null ? "null" : `"${prev}"`}`);
      prev = digestBytes(`lily/event/v1\n${cut}}`);
      return `${cut},"hash":"${prev}"}`;
    });
  return `${lines.join("\n")}\n`;
}

describe("verification", () => {
  test("S5: a finished run is anchored by the local key; without its key it is not", async () => {
    const id = await finished();
    await bed.expectAnchored(id);
    await bed.close();
    rmSync(bed.dataHome, { recursive: true });
    expect(await (await bed.kernel()).records.verify(id)).toMatchObject({ result: expect.not.stringMatching(/^anchored$/) });
  });

  test("S5: a run that is not sealed yet is unanchored", async () => {
    const kernel = await bed.kernel();
    const { run_id: id } = await kernel.runs.create({});
    expect(await kernel.records.verify(id)).toMatchObject({ result: "unanchored", anchor: null });
  });

  const damages: readonly (readonly [string, (file: string, text: string) => void, string])[] = [
    ["one byte changed", (file, text) => writeFileSync(file, text.replace("RUN_STARTED", "RUN_STARTEd")), "corrupt"],
    [
      "a line taken out",
      (file, text) =>
        writeFileSync(
          file,
          text
            .split("\n")
            .filter((_, index) => index !== 3)
            .join("\n"),
        ),
      "corrupt",
    ],
    [
      "two lines exchanged",
      (file, text) => writeFileSync(file, [...text.split("\n").slice(0, 2), text.split("\n")[3], text.split("\n")[2], ...text.split("\n").slice(4)].join("\n")),
      "corrupt",
    ],
    ["the end cut in a line", (file, text) => truncateSync(file, text.length - 40), "corrupt"],
    ["the last lines cut", (file, text) => writeFileSync(file, `${text.trimEnd().split("\n").slice(0, -3).join("\n")}\n`), "corrupt"],
    ["everything cut", (file) => truncateSync(file, 0), "corrupt"],
    ["the file gone", (file) => rmSync(file), "corrupt"],
    [
      "a folder in its place",
      (file) => {
        rmSync(file);
        mkdirSync(file);
      },
      "corrupt",
    ],
    [
      "a link in its place",
      (file) => {
        renameSync(file, `${file}.real`);
        symlinkSync(`${file}.real`, file);
      },
      "corrupt",
    ],
    [
      "a FIFO in its place",
      (file) => {
        rmSync(file);
        execFileSync("mkfifo", [file]);
      },
      "corrupt",
    ],
    [
      "rewritten with valid hashes",
      (file, text) =>
        writeFileSync(
          file,
          rewrite(text, (line) => line.replace('"exit_code":0', '"exit_code":9')),
        ),
      "corrupt",
    ],
  ];
  for (const [what, damage, result] of damages) {
    test(`L4 S5: a record with ${what} is ${result}, and says where`, async () => {
      const id = await finished();
      damage(bed.recordFile(id), readFileSync(bed.recordFile(id), "utf8"));
      const view = await (await bed.kernel()).records.verify(id);
      expect(view.result).toBe(result);
      expect(view.problems.join()).not.toBe("");
      const findings = await (await bed.kernel()).doctor();
      expect(
        findings
          .filter((one) => one.level === "problem")
          .map((one) => one.subject)
          .join(),
      ).toContain("record");
    });
  }

  test("L4: lines that somebody adds behind the committed end are not part of the record", async () => {
    const id = await finished();
    appendFileSync(bed.recordFile(id), "more\n");
    const kernel = await bed.kernel();
    expect((await kernel.runs.show(id)).status).toBe("succeeded");
    expect((await kernel.records.verify(id)).result).not.toBe("behind_anchor");
  });

  test("S5: authority and records rolled back together to an older copy are behind their anchor", async () => {
    const first = await finished();
    cpSync(bed.workspaceDir, join(bed.root, "copy"), { recursive: true });
    const second = await finished();
    rmSync(bed.workspaceDir, { recursive: true });
    renameSync(join(bed.root, "copy"), bed.workspaceDir);
    const kernel = await bed.kernel();
    expect(await kernel.runs.list()).toHaveLength(1);
    await expect(kernel.runs.show(second)).rejects.toMatchObject({ code: "RUN_NOT_FOUND" });
    const told = await kernel.records.verify(first).then(
      (view) => view.result,
      (thrown: unknown) => thrown,
    );
    expect(told).toBe("behind_anchor");
  });

  test("S5: a record and an authority rewritten together are corrupt against the checkpoint", async () => {
    const id = await finished();
    const text = readFileSync(bed.recordFile(id), "utf8");
    const forged = rewrite(text, (line) => line.replace('"exit_code":0', '"exit_code":9'));
    writeFileSync(bed.recordFile(id), forged);
    const { DatabaseSync } = await import("node:sqlite");
    const db = new DatabaseSync(join(bed.workspaceDir, "authority.db"));
    const tables = db
      .prepare("select name from sqlite_master where type='table'")
      .all()
      .map((row) => String(row["name"]));
    const old = JSON.parse(text.trimEnd().split("\n").at(-1) ?? "").hash;
    const now = JSON.parse(forged.trimEnd().split("\n").at(-1) ?? "").hash;
    for (const table of tables) {
      for (const column of db.prepare(`pragma table_info(${table})`).all())
        db.prepare(`update ${table} set ${String(column["name"])} = ? where ${String(column["name"])} = ?`).run(now, old);
    }
    db.close();
    const view = await (await bed.kernel()).records.verify(id);
    expect(view.result).toMatch(/corrupt|behind_anchor/);
  });
});

describe("views", () => {
  test("L6: what the handle showed, what is read again, and what a rebuilt index finds are equal", async () => {
    const { view } = await bed.run(flow({ a: sh("exit 1"), b: sh("true") }, { routes: [{ id: "r", when: { step: "a" }, do: { continue: true } }] }));
    const kernel = await bed.kernel();
    const rows = await kernel.runs.list();
    expect(await kernel.runs.show(view.run_id)).toEqual(view);
    const rebuilt = await kernel.rebuildIndex();
    expect(rebuilt.runs).toBe(1);
    expect(rebuilt.events).toBeGreaterThanOrEqual(view.record.events);
    expect(await kernel.runs.list()).toEqual(rows);
    await bed.close();
    for (const name of ["index.db", "index.db-wal", "index.db-shm"]) rmSync(join(bed.workspaceDir, name), { force: true });
    expect(await (await bed.kernel()).runs.list()).toEqual(rows);
  });

  test("provenance names what each attempt used and made, and what gates judged", async () => {
    bed.write("in.csv", "x");
    const { view } = await bed.run(
      flow(
        {
          a: {
            run: ["sh", "-c", 'cp "$1" o', "sh", "${inputs.csv}"],
            outputs: { o: { path: "o" } },
            gates: [
              { id: "g", run: ["test", "-s", "${steps.a.outputs.o}"] },
              { id: "plain", run: ["true"] },
            ],
          },
          b: { run: ["cat", "${steps.a.outputs.o}"] },
        },
        { inputs: { csv: { file: "in.csv" } } },
      ),
    );
    const graph = await (await bed.kernel()).provenance(view.run_id);
    const input = view.inputs["csv"];
    const [made] = stepOf(view, "a").produced_artifact_ids;
    expect(graph.nodes).toEqual(
      expect.arrayContaining([
        { id: input, kind: "input", label: "csv/in.csv", digest: expect.any(String) },
        { id: made, kind: "artifact", label: "o", digest: expect.any(String) },
        { id: "step a 1", kind: "step", label: "a #1", digest: null },
        { id: "gate g 1", kind: "gate", label: "g #1: passed", digest: null },
      ]),
    );
    expect(graph.edges).toEqual(
      expect.arrayContaining([
        { from: input, to: "step a 1", kind: "used" },
        { from: "step a 1", to: made, kind: "produced" },
        { from: made, to: "gate g 1", kind: "judged" },
        { from: "step a 1", to: "gate plain 1", kind: "judged" },
        { from: made, to: "step b 1", kind: "used" },
      ]),
    );
  });

  test("a run is found by a unique prefix and as latest; an ambiguous one is refused by name", async () => {
    const kernel = await bed.kernel();
    await expect(kernel.runs.show("latest")).rejects.toMatchObject({ code: "RUN_NOT_FOUND" });
    await kernel.runs.create({ runId: "aa-1" });
    await kernel.runs.create({ runId: "aa-2" });
    expect((await kernel.runs.show("latest")).run_id).toBe("aa-2");
    expect((await kernel.runs.show("aa-1")).run_id).toBe("aa-1");
    await expect(kernel.runs.show("aa")).rejects.toMatchObject({ code: "RUN_AMBIGUOUS" });
    await expect(kernel.runs.show("zz")).rejects.toMatchObject({ code: "RUN_NOT_FOUND" });
    await expect(kernel.runs.show("../../etc")).rejects.toMatchObject({ code: expect.stringMatching(/RUN_NOT_FOUND|ID_INVALID/) });
  });

  test("artifacts are put, found by id, prefix and digest, and refused when unknown", async () => {
    const kernel = await bed.kernel();
    const own = await kernel.artifacts.put(bed.write("a.txt", "text"), { type: "note" });
    const { run_id: run } = await kernel.runs.create({});
    const inRun = await kernel.artifacts.put(bed.write("b.json", '{"a":1}'), { run });
    expect(new TextDecoder().decode(await kernel.artifacts.get(own.artifact_id.slice(0, 12)))).toBe("text");
    expect(new TextDecoder().decode(await kernel.artifacts.get(own.digest))).toBe("text");
    expect(await kernel.artifacts.show(inRun.artifact_id)).toMatchObject({ run_id: run });
    await expect(kernel.artifacts.get("art_00000000")).rejects.toMatchObject({ code: "ARTIFACT_NOT_FOUND" });
    await expect(kernel.artifacts.get("art_")).rejects.toMatchObject({ code: "ARTIFACT_AMBIGUOUS" });
    await expect(kernel.artifacts.put(join(bed.dir, "none"))).rejects.toMatchObject({ code: "INPUT_NOT_FOUND" });
    const done = await bed.run(simple);
    await expect(kernel.artifacts.put(join(bed.dir, "a.txt"), { run: done.view.run_id })).rejects.toMatchObject({ code: "RUN_STATE_CONFLICT" });
  });
});

describe("doctor", () => {
  const problems = async (): Promise<readonly string[]> =>
    (await (await bed.kernel()).doctor()).filter((one) => one.level === "problem").map((one) => `${one.subject}: ${one.message} -> ${one.remedy ?? ""}`);
  const objects = (): readonly string[] => filesBelow(join(bed.workspaceDir, "objects"));

  test("finds nothing wrong in a sound workspace", async () => {
    await finished();
    const kernel = await bed.kernel();
    const findings = await kernel.doctor();
    expect(findings.filter((one) => one.level !== "ok")).toEqual([]);
    expect(findings.map((one) => one.subject)).toEqual([
      "workspace",
      "authority",
      "key",
      ...["security", "configuration", "policy"],
      ...["records", "objects", "run files", "index"],
    ]);
    expect(findings.find((one) => one.subject === "records")?.message).toBe("1 of 1 runs verified, 1 anchored, 0 not yet");
  });

  test("A1: names a missing and a corrupted object; neither is served", async () => {
    const id = await finished();
    const [made] = stepOf(await (await bed.kernel()).runs.show(id), "a").produced_artifact_ids;
    const { digest } = await (await bed.kernel()).artifacts.show(made ?? "");
    await bed.close();
    const file = objects().find((path) => path.replaceAll("/", "").endsWith(digest.slice(7))) ?? "";
    chmodSync(file, 0o644);
    appendFileSync(file, "x");
    expect((await problems()).join("\n")).toContain(`object ${digest}: the stored bytes of ${digest} do not give`);
    await expect((await bed.kernel()).artifacts.get(made ?? "")).rejects.toMatchObject({ code: "OBJECT_CORRUPT" });
    await bed.close();
    rmSync(file);
    expect((await problems()).join("\n")).toContain(`object ${digest}: object ${digest} is not in`);
    await expect((await bed.kernel()).artifacts.get(made ?? "")).rejects.toMatchObject({ code: "OBJECT_MISSING" });
  });

  test("lists objects that a crash left half written as notes, a hundred at most", async () => {
    await finished();
    for (let at = 0; at < 101; at++) writeFileSync(join(bed.workspaceDir, "objects", `.tmp-${at}`), "half");
    mkdirSync(join(bed.workspaceDir, "objects/zz"));
    writeFileSync(join(bed.workspaceDir, "objects/zz/.tmp-0"), "half");
    const listed = (await (await bed.kernel()).doctor()).filter((one) => one.subject === "object store");
    expect(listed).toHaveLength(101);
    expect(listed[0]).toMatchObject({ level: "note", message: expect.stringContaining("objects/.tmp-0 (4 bytes)") });
    expect(listed.at(-1)?.message).toBe("2 more files of this kind");
    expect(await problems()).toEqual([]);
  });

  test("tells that the key is missing as a note, and that its permissions are wrong as a problem", async () => {
    await finished();
    const [key] = filesBelow(bed.dataHome).filter((path) => path.includes("keys"));
    chmodSync(key ?? "", 0o644);
    expect((await problems()).join()).toMatch(/key/);
    await bed.close();
    rmSync(bed.dataHome, { recursive: true });
    expect((await (await bed.kernel()).doctor()).find((one) => one.subject === "key")?.level).toMatch(/note|problem/);
  });

  test("tells what is wrong with lily.yaml, and the rest all the same", async () => {
    await finished();
    bed.write("lily.yaml", "profile: nowhere\n");
    expect((await problems()).join()).toMatch(/configuration: .*lily\.yaml/);
  });

  test("names a record that the authority does not know", async () => {
    const id = await finished();
    mkdirSync(join(bed.workspaceDir, "runs", "stranger"));
    cpSync(bed.recordFile(id), bed.recordFile("stranger"));
    expect((await problems()).join()).toContain("record run/stranger");
  });
});

describe("recovery of a lost authority", () => {
  const lose = (): void => {
    for (const name of readdirSync(bed.workspaceDir)) if (name.startsWith("authority.db")) rmSync(join(bed.workspaceDir, name));
  };

  test("the workspace is refused until it is recovered, and then every run verifies and new ones go on", async () => {
    const id = await finished();
    lose();
    await expect(bed.open()).rejects.toMatchObject({ code: "AUTHORITY_DAMAGED" });
    const { findings } = await recoverAuthority(bed.workspaceDir);
    expect(findings.join("\n")).toContain(`run/${id}`);
    await bed.expectAnchored(id);
    const next = await bed.run(simple);
    await bed.expectAnchored(next.view.run_id);
    await expect(recoverAuthority(bed.workspaceDir)).rejects.toMatchObject({ code: "RUN_STATE_CONFLICT" });
  });

  test("L3: tokens go past the highest seen", async () => {
    const { view } = await bed.run(flow({ a: sh("exit 1") }, { routes: [{ id: "r", when: { step: "a" }, do: { escalate: "look" } }] }));
    await bed.close();
    lose();
    await recoverAuthority(bed.workspaceDir);
    await (await bed.kernel()).runs.cancel(view.run_id, "x");
    const tokens = (await bed.events(view.run_id)).map((event) => event.token);
    expect(tokens.at(-1)).toBeGreaterThan(tokens[0] ?? 0);
    expect(tokens).toEqual([...tokens].sort((a, b) => a - b));
  });

  test("L4: damage in a record is set aside and named, nothing is deleted", async () => {
    const id = await finished();
    const text = readFileSync(bed.recordFile(id), "utf8");
    writeFileSync(bed.recordFile(id), `${text.split("\n").slice(0, 4).join("\n")}\ngarbage\n`);
    lose();
    const { findings } = await recoverAuthority(bed.workspaceDir);
    expect(findings.join("\n")).toMatch(/4 events recovered; 8 bytes behind them set aside/);
    expect(filesBelow(join(bed.workspaceDir, "quarantine")).some((path) => readFileSync(path, "latin1").includes("garbage"))).toBe(true);
    expect((await (await bed.kernel()).records.verify(id)).result).toMatch(/behind_anchor|corrupt/);
  });

  test("a damaged database is set aside, not deleted", async () => {
    const id = await finished();
    writeFileSync(join(bed.workspaceDir, "authority.db"), "no database");
    await recoverAuthority(bed.workspaceDir);
    expect(filesBelow(join(bed.workspaceDir, "quarantine")).some((path) => readFileSync(path, "latin1") === "no database")).toBe(true);
    await bed.expectAnchored(id);
  });

  test("without any record there is nothing to recover from", async () => {
    await finished();
    lose();
    for (const name of ["runs", "streams"]) for (const path of filesBelow(join(bed.workspaceDir, name))) if (path.endsWith(".jsonl")) rmSync(path);
    await expect(recoverAuthority(bed.workspaceDir)).rejects.toMatchObject({ code: "WORKSPACE_INVALID" });
    expect(existsSync(join(bed.workspaceDir, "objects"))).toBe(true);
  });
});
