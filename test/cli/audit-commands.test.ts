import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { inputStream } from "../../src/cli/process-host.ts";
import { rollbackText } from "../../src/cli/render/audit-text.ts";
import { fakeKernel } from "./fake-kernel.ts";
import { lily } from "./fake-host.ts";
import { badEvents, failedView } from "./sample-run.ts";

const failed = { view: failedView(), events: badEvents };
const prompt = "Type yes to confirm: ";

describe("rollback confirm", () => {
  it("H6: asks a person on a terminal, and takes the typed line", async () => {
    const { preset, calls } = fakeKernel(failed);
    const ran = await lily(["rollback", "confirm", "latest"], { preset, isTty: true, input: ["yes", "no"] });
    expect(ran.code).toBe(0);
    expect(ran.stderr.endsWith(prompt)).toBe(true);
    expect(calls.filter(([operation]) => operation.startsWith("audit."))).toEqual([
      ["audit.rollback", "latest"],
      ["audit.record", "latest"],
      ["audit.confirmRollback", "yes"],
    ]);
  });

  it("H6: asks nothing where there is no terminal, and silence is no", async () => {
    const { preset, calls } = fakeKernel(failed);
    const ran = await lily(["rollback", "confirm", "latest"], { preset });
    expect([ran.code, ran.stderr.includes(prompt)]).toEqual([3, false]);
    expect(calls.at(-2)).toEqual(["audit.confirmRollback", null]);
  });

  it("H6: does not even ask where nothing can be undone", async () => {
    const { preset, calls } = fakeKernel();
    const ran = await lily(["rollback", "confirm", "latest"], { preset, isTty: true, input: ["yes"] });
    expect([ran.code, ran.stderr.includes(prompt), ran.stdout]).toEqual([3, false, expect.stringContaining("not possible")]);
    expect(calls.at(-2)).toEqual(["audit.confirmRollback", null]);
  });
});

describe("standard input", () => {
  const read = async (...chunks: readonly string[]): Promise<string | null> => {
    const stream = new PassThrough();
    for (const chunk of chunks) stream.write(chunk);
    stream.end();
    return await inputStream(Object.assign(stream, { isTTY: false }) as unknown as NodeJS.ReadStream).readLine();
  };

  it("is read line by line, whatever the line end, and null at its end", async () => {
    expect(await read("yes\n")).toBe("yes");
    expect(await read("ye", "s\r\nmore\n")).toBe("yes");
    expect(await read("yes")).toBe("yes");
    expect(await read("\n")).toBe("");
    expect(await read()).toBeNull();
    expect(await read("x".repeat(5000))).toHaveLength(4096);
  });

  it("says whether a person is there", () => {
    const stream = (isTTY: boolean): NodeJS.ReadStream => Object.assign(new PassThrough(), { isTTY }) as unknown as NodeJS.ReadStream;
    expect([inputStream(stream(true)).isTty, inputStream(stream(false)).isTty]).toEqual([true, false]);
  });
});

it("H4: guidance names what was observed, and says where there may be effects that nobody saw", async () => {
  const { audit } = await fakeKernel().preset.openLocal({ workspaceDir: "/w", create: false });
  const [scaffold, record] = [await audit.rollback("latest"), await audit.record("latest")];
  const effect = { timestamp: record.timestamp_start, step: "clean", details: {}, category: "file_system", reversible: false } as const;
  const seen = { ...record, side_effects: { ...record.side_effects, observed: [{ ...effect, description: "wrote out/\u001b[1m" }], unknown_effects: false } };
  const text = rollbackText({ ...scaffold, irreversible_steps: [0, 7] }, seen, (_tone, part) => part);
  expect(text).toContain("Effects that were observed:\n  step clean: file_system: wrote out/\\x1b[1m (irreversible)\n");
  expect(text).toContain("  step clean (number 1 in the plan)\n  number 8 in the plan\n");
  expect(text).not.toContain("there may be effects");
});

describe("run export --out", () => {
  let dir: string;
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), "lily-export-"));
  });
  afterEach(() => rmSync(dir, { recursive: true, force: true }));

  it("writes one new file, and replaces one only when told to", async () => {
    const { preset } = fakeKernel();
    const argv = ["run", "export", "latest", "--format", "mermaid", "--out", "graph.mmd"];
    const first = await lily(argv, { preset, cwd: dir });
    expect([first.code, first.stdout]).toEqual([0, `wrote mermaid of latest to ${join(dir, "graph.mmd")}\n`]);
    expect(readFileSync(join(dir, "graph.mmd"), "utf8")).toMatch(/^flowchart LR\n[\s\S]*\n$/);
    const again = await lily(argv, { preset, cwd: dir });
    expect([again.code, again.stderr]).toEqual([2, expect.stringContaining("the file exists; add --force to replace it")]);
    const forced = await lily([...argv, "--force", "--json"], { preset, cwd: dir });
    expect(JSON.parse(forced.stdout)).toMatchObject({ path: join(dir, "graph.mmd"), format: "mermaid" });
  });
});
