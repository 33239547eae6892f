/** Files that commands write where a person says, over the real kernel: never into a workspace, never over another without a word. */
import { existsSync, linkSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { main } from "../../src/cli/main.ts";
import { fakeHost, type Ran } from "./fake-host.ts";

let folder = "";
let dataHome: string | undefined;
let run = "";
let artifact = "";

async function lily(...argv: readonly string[]): Promise<Ran> {
  const host = fakeHost({ cwd: folder });
  const code = await main(argv, { ...host, env: process.env, loadPreset: async () => await import("../../src/presets/local.ts") });
  return { code, stdout: host.stdout.text(), stderr: host.stderr.text(), host };
}

beforeAll(async () => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), "lily-output-")));
  dataHome = process.env["XDG_DATA_HOME"];
  process.env["XDG_DATA_HOME"] = join(folder, "data");
  await lily("exec", "--", "true");
  [run = ""] = readdirSync(join(folder, ".lily/runs"));
  const listed = JSON.parse((await lily("artifact", "list", "--json")).stdout) as { readonly artifacts: readonly { readonly artifact_id: string }[] };
  artifact = listed.artifacts[0]?.artifact_id ?? "";
  symlinkSync(join(folder, ".lily"), join(folder, "by-link"));
  symlinkSync(join(folder, ".lily/authority.db"), join(folder, "page.html"));
  symlinkSync(".lily/streams/later.html", join(folder, "dangling.html"));
  mkdirSync(join(folder, "elsewhere"));
  symlinkSync("..", join(folder, "elsewhere/up"));
});
afterAll(() => {
  if (dataHome === undefined) delete process.env["XDG_DATA_HOME"];
  else process.env["XDG_DATA_HOME"] = dataHome;
  rmSync(folder, { recursive: true, force: true });
});

const places = [
  ".lily/authority.db",
  ".lily/runs/RUN/record.jsonl",
  ".lily/streams/x.html",
  ".lily/new/deeper/x.html",
  "by-link/authority.db",
  "page.html",
  "dangling.html",
  "elsewhere/up/.lily/x.html",
];

describe.each([
  ["run report", (path: string) => ["run", "report", "latest", "--out", path, "--force"]],
  ["run report without --force", (path: string) => ["run", "report", "latest", "--out", path]],
  ["run export", (path: string) => ["run", "export", "latest", "--format", "dot", "--out", path, "--force"]],
  ["artifact get", (path: string) => ["artifact", "get", artifact, "--output", path]],
])("%s", (_, argv) => {
  test.each(places)("writes nothing into the workspace: %s", async (place) => {
    const path = place.replace("RUN", run);
    const real = join(folder, path);
    const before = existsSync(real) ? readFileSync(real) : null;
    const refused = await lily(...argv(path));
    expect(refused.stderr).toContain("PATH_INVALID");
    expect(refused.stderr).toContain("it is inside the workspace");
    expect(refused.stderr).toContain("name a file outside of that folder");
    expect(refused.code).toBe(2);
    expect(existsSync(real) ? readFileSync(real).equals(before ?? Buffer.of()) : before).toBe(before === null ? null : true);
  });
});

test("a workspace that is not the one in use is as safe", async () => {
  const other = join(folder, "other/.lily");
  expect((await lily("--workspace", other, "exec", "--", "true")).code).toBe(0);
  const refused = await lily("run", "report", "latest", "--out", "other/.lily/authority.db", "--force");
  expect(refused.stderr).toContain("PATH_INVALID");
  expect((await lily("--workspace", other, "record", "verify", "latest")).code).toBe(0);
});

test("a second name of a file of the workspace is replaced, and the file stays", async () => {
  const record = join(folder, ".lily/runs", run, "record.jsonl");
  const before = readFileSync(record);
  linkSync(record, join(folder, "twin.html"));
  expect((await lily("run", "report", "latest", "--out", "twin.html", "--force")).code).toBe(0);
  expect(readFileSync(record).equals(before)).toBe(true);
  expect(readFileSync(join(folder, "twin.html"), "utf8")).toContain("<!doctype html>");
});

test("an existing file is refused in the same words by each command", async () => {
  writeFileSync(join(folder, "mine.txt"), "mine");
  for (const [argv, advice] of [
    [["artifact", "get", artifact, "--output", "mine.txt"], "the file exists; name another with --output FILE"],
    [["run", "export", "latest", "--format", "dot", "--out", "mine.txt"], "the file exists; add --force to replace it"],
    [["run", "report", "latest", "--out", "mine.txt"], "the file exists; add --force to replace it"],
  ] as const) {
    const refused = await lily(...argv);
    expect([refused.code, refused.stderr]).toEqual([2, expect.stringContaining(advice)]);
    expect(refused.stderr).not.toContain("EEXIST");
  }
  expect(readFileSync(join(folder, "mine.txt"), "utf8")).toBe("mine");
});
