import { expect, it } from "vitest";
import { type Digest, digestBytes } from "../base/digest.ts";
import type { RelativePath } from "../base/relative-path.ts";
import type { RunId } from "../contracts/ids.ts";
import type { AttemptFolders } from "../ports/attempt-folders.ts";

export interface AttemptFoldersBed {
  readonly folders: AttemptFolders;
  write(path: string, content: string): void;
  /** Null when there is no such file. */
  read(path: string): string | null;
  /** Names in a folder; empty when there is none. */
  names(path: string): readonly string[];
}

const run = "run-1" as RunId;
const bytes = new TextEncoder().encode("content");
const digest = digestBytes(bytes);
const give = async (): Promise<Uint8Array> => bytes;

/** What all attempt folders promise. `open` makes a fresh workspace for each case. */
export function attemptFoldersConformance(open: () => Promise<AttemptFoldersBed>): void {
  it("an attempt that writes nothing leaves nothing", async () => {
    const { folders, names } = await open();
    const folder = await folders.open(run, ["steps", "clean", "1"], { kind: "source", dir: "/elsewhere" });
    expect([folder.cwd, folder.displayPath]).toEqual(["/elsewhere", "runs/run-1/steps/clean/1"]);
    await folder.clean();
    expect(names(folders.runDir(run))).toEqual([]);
  });

  it("E2: a folder that holds something is never opened again, but can be reopened", async () => {
    const { folders } = await open();
    const first = await folders.open(run, ["steps", "clean", "1"], { kind: "isolated" });
    await first.writeSummary("{}");
    await expect(folders.open(run, ["steps", "clean", "1"], { kind: "isolated" })).rejects.toMatchObject({ code: "STORAGE_FAILED" });
    await expect(first.writeSummary("{}")).rejects.toMatchObject({ code: "STORAGE_FAILED" });
    const again = await folders.reopen(run, ["steps", "clean", "1"], { kind: "isolated" });
    expect(again.cwd).toBe(first.cwd);
    await folders.open(run, ["steps", "clean", "2"], { kind: "isolated" });
  });

  it("logs are listed with sizes, attempts by number, empty ones not at all", async () => {
    const bed = await open();
    for (const n of ["10", "2"]) bed.write((await bed.folders.open(run, ["steps", "clean", n], { kind: "isolated" })).stdoutPath, n);
    bed.write((await bed.folders.open(run, ["gates", "rows", "1"], { kind: "isolated" })).stderrPath, "err");
    expect(await bed.folders.logs(run)).toEqual([
      { path: "gates/rows/1/stderr.txt", size: 3 },
      { path: "steps/clean/2/stdout.txt", size: 1 },
      { path: "steps/clean/10/stdout.txt", size: 2 },
    ]);
    expect(await bed.folders.logs("other" as RunId)).toEqual([]);
  });

  it("a log opens as it was written, and an empty stream is null", async () => {
    const bed = await open();
    const folder = await bed.folders.open(run, ["steps", "clean", "1"], { kind: "isolated" });
    expect(await folder.openLog("stdout")).toBeNull();
    bed.write(folder.stderrPath, "");
    expect(await folder.openLog("stderr")).toBeNull();
    await folder.writeLog("line\n");
    const log = await folder.openLog("stdout");
    const into = new Uint8Array(10);
    expect([log?.size, await log?.read(into)]).toEqual([5, 5]);
    await log?.close();
    await expect(folder.writeLog("more")).rejects.toMatchObject({ code: "STORAGE_FAILED" });
  });

  it("writing an empty log makes no file", async () => {
    const bed = await open();
    const folder = await bed.folders.open(run, ["steps", "clean", "1"], { kind: "source", dir: "/elsewhere" });
    await folder.writeLog("");
    expect(bed.names(bed.folders.runDir(run))).toEqual([]);
  });

  it("A1: materialises verified bytes outside the working folder, the same path for the same digest and name", async () => {
    const bed = await open();
    const folder = await bed.folders.open(run, ["steps", "clean", "1"], { kind: "isolated" });
    const path = await folder.materialize(digest, "data/table.csv", give);
    expect(path.endsWith("/table.csv")).toBe(true);
    expect(path.startsWith(folder.cwd)).toBe(false);
    expect(bed.read(path)).toBe("content");
    const paths = await Promise.all(Array.from({ length: 8 }, () => folder.materialize(digest, "data/table.csv", give)));
    expect(new Set([...paths, path]).size).toBe(1);
    expect(await folder.materialize(digest, "other.csv", give)).not.toBe(path);
  });

  it("A1: a copy that a command changed is made anew for the next", async () => {
    const bed = await open();
    const folder = await bed.folders.open(run, ["steps", "clean", "1"], { kind: "isolated" });
    const path = await folder.materialize(digest, "table.csv", give);
    bed.write(path, "tampered");
    expect(await folder.materialize(digest, "table.csv", give)).toBe(path);
    expect(bed.read(path)).toBe("content");
  });

  it("OBJECT_CORRUPT: bytes that do not give the digest reach no command", async () => {
    const bed = await open();
    const folder = await bed.folders.open(run, ["steps", "clean", "1"], { kind: "isolated" });
    const other = digestBytes("other") as Digest;
    await expect(folder.materialize(other, "table.csv", give)).rejects.toMatchObject({ code: "OBJECT_CORRUPT" });
    const pieces = async function* (): AsyncGenerator<Uint8Array> {
      yield bytes;
    };
    await expect(folder.materialize(other, "table.csv", async () => pieces())).rejects.toMatchObject({ code: "OBJECT_CORRUPT" });
    expect(bed.names(`${bed.folders.runDir(run)}/in/${other.slice(7, 23)}`)).toEqual([]);
  });

  it.each(["../escape", "/etc/passwd", "-rf", ".hidden", "", "a b$(x).csv", "caf\u00e9.csv", "x".repeat(400), "..", "a\\b"])(
    "gives %j a base name that is safe",
    async (name) => {
      const bed = await open();
      const folder = await bed.folders.open(run, ["steps", "clean", "1"], { kind: "isolated" });
      const path = await folder.materialize(digest, name, give);
      const base = path.slice(`${bed.folders.runDir(run)}/in/${digest.slice(7, 23)}/`.length);
      expect(base).toMatch(/^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$/);
      expect(bed.read(path)).toBe("content");
    },
  );

  it("places files in an isolated working folder only", async () => {
    const bed = await open();
    const folder = await bed.folders.open(run, ["steps", "clean", "1"], { kind: "isolated" });
    await folder.place("in/table.csv" as RelativePath, give);
    await folder.place("in/table.csv" as RelativePath, give);
    expect(bed.read(`${folder.cwd}/in/table.csv`)).toBe("content");
    const source = await bed.folders.open(run, ["steps", "clean", "2"], { kind: "source", dir: "/elsewhere" });
    await expect(source.place("table.csv" as RelativePath, give)).rejects.toMatchObject({ code: "STORAGE_FAILED" });
  });

  it("E2: cleaning removes work and inputs that nobody else holds, and keeps logs", async () => {
    const bed = await open();
    const [first, second] = [
      await bed.folders.open(run, ["steps", "a", "1"], { kind: "isolated" }),
      await bed.folders.open(run, ["steps", "b", "1"], { kind: "isolated" }),
    ];
    const path = await first.materialize(digest, "t.csv", give);
    await second.materialize(digest, "t.csv", give);
    bed.write(`${first.cwd}/file`, "x");
    bed.write(first.stdoutPath, "log");
    await first.clean();
    await first.clean();
    expect([bed.read(`${first.cwd}/file`), bed.read(first.stdoutPath), bed.read(path)]).toEqual([null, "log", "content"]);
    await second.clean();
    expect(bed.read(path)).toBeNull();
  });

  it("E2: cleaning a run removes what every attempt left, and keeps logs and manifest", async () => {
    const bed = await open();
    await bed.folders.cleanRun(run, { isolated: true });
    await bed.folders.writeManifest(run, "{}");
    const folder = await bed.folders.open(run, ["steps", "a", "1"], { kind: "isolated" });
    const path = await folder.materialize(digest, "t.csv", give);
    bed.write(`${folder.cwd}/file`, "x");
    await folder.writeLog("log");
    await bed.folders.cleanRun(run, { isolated: false });
    expect([bed.read(path), bed.read(`${folder.cwd}/file`)]).toEqual([null, "x"]);
    await bed.folders.cleanRun(run, { isolated: true });
    expect([bed.read(path), bed.read(`${folder.cwd}/file`), bed.read(folder.stdoutPath)]).toEqual([null, null, "log"]);
    await folder.clean();
    await bed.folders.writeManifest(run, "{}");
  });

  it("the manifest is written once", async () => {
    const bed = await open();
    await bed.folders.writeManifest(run, `{"a":1}`);
    await bed.folders.writeManifest(run, `{"a":1}`);
    await expect(bed.folders.writeManifest(run, `{"a":2}`)).rejects.toMatchObject({ code: "RUN_STATE_CONFLICT" });
    expect(bed.read(`${bed.folders.runDir(run)}/run_manifest.json`)).toBe(`{"a":1}`);
  });

  it.each([[".."], ["steps/../x"], ["/etc"], [""], ["a b"]])("ID_INVALID: refuses the folder name %j", async (name) => {
    const { folders } = await open();
    await expect(folders.open(run, ["steps", name, "1"], { kind: "isolated" })).rejects.toMatchObject({ code: "ID_INVALID" });
    await expect(folders.open(name as RunId, ["steps", "a", "1"], { kind: "isolated" })).rejects.toMatchObject({ code: "ID_INVALID" });
  });
}
