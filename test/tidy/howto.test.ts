import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import process from "node:process";
import canonicalize from "canonicalize";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { repoRoot } from "./tracked-files.ts";

const foreignRecord = path.resolve(repoRoot, "../shared/fixtures/golden/record-v1.jsonl");
let folder = "";
let program = "";

beforeAll(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), "lily-howto-"));
  const page = readFileSync(path.join(repoRoot, "docs/howto/verify-a-record.md"), "utf8");
  program = path.join(folder, "verify.mjs");
  writeFileSync(program, /^```js\n([\s\S]*?)^```/m.exec(page)?.[1] ?? "");
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Lines of a record, written here and not by Lily, with the package canonicalize. */
function recordLines(count: number): readonly string[] {
  const lines: string[] = [];
  let prev: string | null = null;
  for (let seq = 0; seq < count; seq++) {
    const event = {
      v: 1,
      stream: "run/a",
      seq,
      prev,
      token: 1,
      at: "2026-01-01T00:00:00.000Z",
      by: "user:ada",
      kind: "STEP_STARTED",
      key: `k${seq}`,
      data: { text: '\u00e9 \u{1f33c} "quoted"' },
    };
    const body = canonicalize(event) ?? "";
    const hash: string = `sha256:${createHash("sha256").update(`lily/event/v1\n${body}`).digest("hex")}`;
    lines.push(`${body.slice(0, -1)},"hash":"${hash}"}`);
    prev = hash;
  }
  return lines;
}

function verify(text: string): { readonly ok: boolean; readonly output: string } {
  const file = path.join(folder, "record.jsonl");
  writeFileSync(file, text);
  const ran = spawnSync(process.execPath, [program, file], { encoding: "utf8" });
  return { ok: ran.status === 0, output: ran.stdout + ran.stderr };
}

describe("the program that verifies a record without Lily", () => {
  test("H2: accepts a whole record and names its head", () => {
    const lines = recordLines(3);
    const answer = verify(`${lines.join("\n")}\n`);
    expect(answer.output).toContain(`3 events, head ${lines[2]?.slice(-73, -2)}`);
    expect(answer.ok).toBe(true);
  });

  test.skipIf(!existsSync(foreignRecord))("H2: accepts a record that another implementation wrote (skipped where the fixture is absent)", () => {
    expect(verify(readFileSync(foreignRecord, "utf8")).output).toContain("5 events");
  });

  test("H2: refuses an empty record, a torn line, a line that is missing, doubled or moved", () => {
    const [first = "", second = "", third = ""] = recordLines(3);
    const broken = ["", `${first}\n${second}`, `${first}\n${third}\n`, `${first}\n${first}\n`, `${second}\n${first}\n`, `${second}\n${third}\n`];
    expect(broken.filter((text) => verify(text).ok)).toEqual([]);
  });

  test("H1: refuses a record in which one byte was changed, wherever it lies", () => {
    const whole = `${recordLines(2).join("\n")}\n`;
    const bytes = Buffer.from(whole);
    const places = Array.from({ length: 25 }, (_, at) => Math.floor((at * (bytes.length - 1)) / 24));
    const accepted = places.filter((place) => {
      const changed = Buffer.from(bytes);
      changed[place] = (changed[place] ?? 0) ^ 1;
      return verify(changed.toString("latin1")).ok && !changed.equals(bytes);
    });
    expect(accepted).toEqual([]);
  });
});
