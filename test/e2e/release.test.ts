import { cpSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { expect, test } from "vitest";
import { ExampleRun, repoRoot } from "./example-run.ts";

const folder = path.join(repoRoot, "examples", "release");
const workflow = path.join(folder, "workflow.yaml");
/** What else is linted, type-checked and tested is known already where these tests run. */
const narrow = ["--param", "lint=examples", "--param", "project=tsconfig.build.json", "--param", "tests=src/judge"];

test("the checkout passes its own release workflow, and the seal can be checked by hand", { timeout: 180_000 }, async () => {
  using run = new ExampleRun();
  const view = await run.start(workflow, ...narrow);
  expect(view.steps.map((step) => `${step.step_id} ${step.status} ${step.attempts.length}`)).toEqual([
    "lint succeeded 1",
    "types succeeded 1",
    "tests succeeded 1",
    "pack succeeded 1",
    "seal succeeded 1",
  ]);
  expect(view.gates.map((gate) => `${gate.gate_id} ${gate.status}`)).toEqual(["contents passed", "size passed", "answers passed", "sealed passed"]);
  expect(view.routes).toEqual([]);
  expect(await run.verify()).toMatchObject({ result: "anchored" });

  const { nodes, edges } = await run.provenance();
  const packageId = nodes.find((node) => node.label === "package")?.id;
  expect(edges).toContainEqual({ from: packageId, to: nodes.find((node) => node.label === "seal #1")?.id, kind: "used" });

  const packed = (await run.artifacts()).find((artifact) => artifact.artifact_name === "package");
  expect(packed?.media_type).toBe("application/gzip");
  const bundle = path.join(folder, "out", "bundle");
  const byHand = "find . -type f ! -name _passed.flag | sed 's|^\\./||' | LC_ALL=C sort | xargs cat | sha256sum | cut -d' ' -f1";
  const { stdout } = await run.run(["sh", "-c", byHand], bundle);
  expect(readFileSync(path.join(bundle, "_passed.flag"), "utf8")).toBe(`sha256_hex = ${stdout}`);
});

test("a package with a stray file, a missing command and too many bytes fails its gates", async () => {
  using run = new ExampleRun();
  const made = path.join(run.dir, "made");
  mkdirSync(path.join(made, "package", "src"), { recursive: true });
  writeFileSync(path.join(made, "package", "package.json"), '{"name":"lily-kernel","version":"0.0.1"}');
  writeFileSync(path.join(made, "package", "src", "secret.ts"), "");
  const tarball = path.join(run.dir, "made.tgz");
  expect((await run.run(["tar", "-czf", tarball, "-C", made, "package/package.json", "package/src/secret.ts"])).code).toBe(0);

  const gate = (name: string, ...args: readonly string[]) => run.run(["node", path.join(folder, "gates", name), tarball, ...args]);
  const contents = await gate("contents.mjs");
  expect(contents.code).toBe(1);
  expect(contents.stderr).toContain("package/src/secret.ts does not belong into the package");
  expect(contents.stderr).toContain("dist/cli/lily.js is missing");
  expect(contents.stderr).toContain("dist/cli/lily.js is not executable");
  expect((await gate("size.mjs", "10")).code).toBe(1);
  expect((await gate("size.mjs", "100000")).code).toBe(0);
  expect((await gate("answers.mjs")).code).not.toBe(0);
});

test("a bundle that changed after it was sealed fails the hash gate", async () => {
  using run = new ExampleRun();
  cpSync(path.join(folder, "steps"), path.join(run.dir, "steps"), { recursive: true });
  const bundle = path.join(run.dir, "out");
  mkdirSync(bundle);
  writeFileSync(path.join(run.dir, "note.txt"), "packed");
  expect((await run.run(["tar", "-czf", path.join(bundle, "lily-kernel.tgz"), "note.txt"])).code).toBe(0);
  const step = (after: string) => ({
    shell: `node steps/seal.mjs out/lily-kernel.tgz out; ${after}`,
    gates: [{ id: "sealed", hash: { law: "sha256_bundle_digest", root: "out", flag: "out/_passed.flag" } }],
  });
  const file = path.join(run.dir, "workflow.json");

  writeFileSync(file, JSON.stringify({ workflow: "seal", version: 1, steps: { seal: step("true") } }));
  expect((await run.start(file)).gates.map((gate) => gate.status)).toEqual(["passed"]);

  writeFileSync(file, JSON.stringify({ workflow: "seal", version: 1, steps: { seal: step("echo more >> out/files.txt") } }));
  await run.expectCode(1, "run", "start", file);
  expect((await run.latest()).gates).toMatchObject([{ status: "failed", reason: expect.stringContaining("DIGEST_MISMATCH") as unknown }]);
});
