import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterAll, describe, expect, it } from "vitest";
import { runIndexConformance } from "../../testkit/run-index-conformance.ts";
import { openSqliteRunIndex } from "./run-index.ts";

const made: string[] = [];

function path(): string {
  const dir = fs.mkdtempSync(join(tmpdir(), "lily-index-"));
  made.push(dir);
  return join(dir, "index.db");
}

afterAll(() => {
  for (const dir of made) fs.rmSync(dir, { recursive: true, force: true });
});

describe("SQLite run index", () => {
  runIndexConformance(async () => {
    const file = path();
    return { index: openSqliteRunIndex(file), reopen: async () => openSqliteRunIndex(file) };
  });

  it("opens nothing before it is asked", async () => {
    const file = path();
    const index = openSqliteRunIndex(file);
    expect(fs.existsSync(file)).toBe(false);
    await index.close();
  });

  it("INDEX_DAMAGED: says so for a file that is no database, and clearing gets out of it", async () => {
    const file = path();
    fs.writeFileSync(file, "this is not a database, and long enough to be looked at as one".repeat(100));
    const index = openSqliteRunIndex(file);
    await expect(index.runs({})).rejects.toMatchObject({ code: "INDEX_DAMAGED" });
    await index.clear();
    expect(await index.runs({})).toEqual([]);
    await index.close();
  });

  it("INDEX_DAMAGED: damage inside the file is found and not served", async () => {
    const file = path();
    const index = openSqliteRunIndex(file);
    await index.apply([], 3);
    await index.close();
    const bytes = fs.readFileSync(file);
    bytes.fill(0xff, 100, bytes.length);
    fs.writeFileSync(file, bytes);
    const again = openSqliteRunIndex(file);
    await expect(again.cursor()).rejects.toMatchObject({ code: "INDEX_DAMAGED" });
    await again.clear();
    expect(await again.cursor()).toBe(0);
    await again.close();
  });

  it("L6: tables of another layout are dropped and made anew", async () => {
    const file = path();
    const old = new DatabaseSync(file);
    old.exec("CREATE TABLE runs (something TEXT); INSERT INTO runs VALUES ('x'); PRAGMA user_version = 999;");
    old.close();
    const index = openSqliteRunIndex(file);
    expect(await index.runs({})).toEqual([]);
    await index.close();
  });

  it("two connections share one index", async () => {
    const file = path();
    const [one, two] = [openSqliteRunIndex(file), openSqliteRunIndex(file)];
    await one.apply([], 3);
    await two.apply([], 2);
    expect([await one.cursor(), await two.cursor()]).toEqual([3, 3]);
    await one.close();
    await two.close();
  });

  it("STORAGE_FAILED: a folder that does not exist is named", async () => {
    await expect(openSqliteRunIndex("/nowhere/at/all/index.db").cursor()).rejects.toMatchObject({ code: "STORAGE_FAILED" });
  });
});
