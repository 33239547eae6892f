import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openFsTrustStore } from "../../src/adapters/fs/trust-store.ts";
import { openLocal } from "../../src/presets/local.ts";
import { Random } from "../sim/random.ts";
import { hasPython, PythonChecker, runChecker } from "./python-checker.ts";

const root = resolve(import.meta.dirname, "../..");
const golden = [join(root, "test/golden/record-v1/record.jsonl"), resolve(root, "../shared/fixtures/golden/record-v1.jsonl")];

describe.skipIf(!hasPython())("the independent checker", () => {
  let checker: PythonChecker;
  beforeAll(() => {
    checker = new PythonChecker();
  });
  afterAll(() => checker.close());

  for (const path of golden) {
    // The second record is written by another implementation; it is there only beside the shared fixtures.
    test.skipIf(!existsSync(path))(`L1: accepts the golden record ${golden.indexOf(path) + 1}, and refuses it with any byte changed`, async () => {
      const bytes = readFileSync(path);
      expect(await checker.ask(bytes)).toMatch(/^ok \d+ sha256:[0-9a-f]{64}$/);
      const random = new Random(1);
      const found: string[] = [];
      for (let at = 0; at < bytes.length; at++) {
        const changed = Buffer.from(bytes);
        changed[at] = (changed[at] ?? 0) ^ (1 + random.below(255));
        if ((await checker.ask(changed)).startsWith("ok")) found.push(String(at));
      }
      expect(found).toEqual([]);
    });
  }

  test("L1: refuses lines that are missing, doubled, moved, cut or joined, and an empty record", async () => {
    const text = readFileSync(golden[0] ?? "", "utf8");
    const lines = text.trimEnd().split("\n");
    const changes: readonly string[] = [
      "",
      "\n",
      text.slice(0, -1),
      `${text}\n`,
      ...lines
        .map((_, at) => lines.toSpliced(at, 1).join("\n"))
        .filter((rest) => !text.startsWith(rest))
        .map((rest) => `${rest}\n`),
      ...lines.map((line, at) => `${lines.toSpliced(at, 0, line).join("\n")}\n`),
      ...lines.slice(1).map((line, at) => `${lines.toSpliced(at, 2, line, lines[at] ?? "").join("\n")}\n`),
      text.replace("\n", "\r\n"),
      text.replace('{"at"', '{ "at"'),
    ];
    for (const change of changes) expect(await checker.ask(Buffer.from(change)), change.slice(0, 80)).toMatch(/^bad /);
  });

  test("S5: accepts a workspace of this implementation with its key, finds a cut record behind and a changed checkpoint corrupt", async () => {
    const dir = mkdtempSync(join(tmpdir(), "lily-checker-"));
    try {
      const workspaceDir = join(dir, ".lily");
      const dataHome = join(dir, "data");
      const kernel = await openLocal({ workspaceDir, dataHome, create: true });
      const document = { workflow: "w", version: 1, steps: { a: { run: ["true"] } } };
      const runIds: string[] = [];
      for (let run = 0; run < 3; run++) runIds.push((await (await kernel.runs.start({ document, dir })).done()).run_id);
      const { workspaceId } = kernel;
      await kernel.close();
      const signer = await openFsTrustStore({ dataHome, workspaceDir }).signer(workspaceId);
      if (signer === null) throw new Error("the workspace has no key");
      const ask = (key: Uint8Array): ReturnType<typeof runChecker> =>
        runChecker(["workspace", workspaceDir, "--key", `${signer.keyName}=${Buffer.from(key).toString("hex")}`]);
      expect(ask(signer.publicKey)).toMatchObject({ status: 0, answer: { result: "anchored", anchor: [signer.keyName], leaves: 3, problems: [] } });
      expect(runChecker(["workspace", workspaceDir])).toMatchObject({ status: 5, answer: { result: "unanchored" } });
      expect(ask(new Uint8Array(32).fill(7))).toMatchObject({ status: 5, answer: { result: "unanchored" } });

      const record = join(workspaceDir, "runs", runIds[1] ?? "", "record.jsonl");
      const whole = readFileSync(record, "utf8");
      writeFileSync(record, `${whole.trimEnd().split("\n").slice(0, -1).join("\n")}\n`);
      expect(ask(signer.publicKey)).toMatchObject({ status: 5, answer: { result: "behind_anchor" } });
      writeFileSync(record, whole);

      const stream = join(workspaceDir, "streams/workspace.jsonl");
      writeFileSync(stream, readFileSync(stream, "utf8").replace(/"size":1/, '"size":2'));
      expect(ask(signer.publicKey)).toMatchObject({ status: 4, answer: { result: "corrupt" } });
    } finally {
      rmSync(dir, { recursive: true, force: true });
    }
  });
});
