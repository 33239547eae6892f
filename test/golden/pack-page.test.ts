/** docs/formats/pack.md: its manifest, its use of templates and its digest are what the code says. */
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { openFsFileTrees } from "../../src/adapters/fs/file-tree.ts";
import { checkWorkflow } from "../../src/graph/check-workflow.ts";
import { packDigest, packFiles } from "../../src/graph/pack-files.ts";
import { parsePackManifest } from "../../src/graph/pack-manifest.ts";
import { parseWorkspaceConfig } from "../../src/graph/workspace-config.ts";

const page = readFileSync(join(import.meta.dirname, "../../docs/formats/pack.md"), "utf8");

function block(name: string): string {
  const found = new RegExp(`^\`\`\`\\w+ ${name}\\n([\\s\\S]*?)^\`\`\`$`, "m").exec(page)?.[1];
  if (found === undefined) throw new Error(`pack.md has no block ${name}`);
  return found;
}

const bytes = (text: string) => new TextEncoder().encode(text);

test("the manifest and lily.yaml of the page are sound, and the use expands as the page says", async () => {
  expect(parseWorkspaceConfig(bytes(block("lily"))).config?.packs).toEqual(["./packs/tabular", "@team/lily-pack-x"]);
  const { manifest, problems } = await parsePackManifest(bytes(block("manifest")), "lily-pack.yaml");
  expect(problems).toEqual([]);
  if (manifest === null) throw new Error("the manifest is sound");
  const packs = {
    modules: new Set(Object.keys(manifest.modules)),
    executors: new Map(Object.entries(manifest.executors)),
    stepTemplates: new Map(Object.entries(manifest.stepTemplates)),
    gateTemplates: new Map(Object.entries(manifest.gateTemplates)),
    routes: manifest.routes,
  };
  const text = `workflow: w\nversion: 1\ninputs: { csv: { file: t.csv } }\n${block("use")}`;
  const checked = await checkWorkflow(bytes(text), { packs, schemas: Object.keys(manifest.schemas) });
  expect(checked.problems).toEqual([]);
  expect(checked.document?.steps["orders"]).toMatchObject({ module: "tab.check", timeout: "30s", gates: [{ id: "orders-shape" }, { id: "rows", module: "tab.check" }] });
  expect(checked.document?.routes).toEqual([{ id: "tab.again.rows", when: { gate: "rows", status: "error" }, do: { retry: true } }]);
  expect(page).toContain("`{id: tab.again.rows, when: {gate: rows, status: error}, do: {retry: true}}`");
});

test("the digest of the page follows from its bytes by SHA-256 alone, and is what Lily computes", async () => {
  const digest = block("digest").trim();
  expect(`sha256:${createHash("sha256").update(`lily/pack/v1\n${block("digest-files").trim()}`).digest("hex")}`).toBe(digest);
  const dir = mkdtempSync(join(tmpdir(), "lily-pack-page-"));
  try {
    mkdirSync(join(dir, "node_modules"));
    writeFileSync(join(dir, "lily-pack.yaml"), block("digest-manifest"));
    writeFileSync(join(dir, "m.mjs"), "x\n\n");
    expect(packDigest(await packFiles(await openFsFileTrees().openTree(dir)))).toBe(digest);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
});
