/** What a start refuses for the sake of `sandbox: require`, the check of the workflow tells with its line. */
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { createProcessRunner } from "../../src/adapters/process/process-runner.ts";
import type { Kernel } from "../../src/kernel/kernel.ts";
import { openWith } from "../runtime/parts-bed.ts";
import { Bed } from "../runtime/bed.ts";

const support = await createProcessRunner().sandbox();
const definitions = new URL("../../src/runtime/define-module.ts", import.meta.url).href;
let bed: Bed;

beforeEach(() => {
  bed = new Bed();
});
afterEach(() => bed.remove());

/** Lines 1 to 4. */
const head = "workflow: w\nversion: 1\npolicy:\n  sandbox: require\n";
const ends = "steps:\n  a:\n    run: ['true']\n";

async function checked(kernel: Kernel, text: string): Promise<readonly string[]> {
  const file = bed.write("w.yaml", text);
  const problems = await kernel.workflows.check({ file });
  return problems.map(({ code, line, message }) => `${line} ${code} ${message}`);
}

async function started(kernel: Kernel): Promise<unknown> {
  return kernel.runs.start({ file: join(bed.dir, "w.yaml") }).then(
    async (handle) => (await handle.done()).status,
    (thrown: unknown) => thrown,
  );
}

describe.skipIf(support.name === null)(`S6: with a sandbox (${support.name ?? `skipped: ${support.reason}`})`, () => {
  test.each([
    [
      "a rule that allows",
      `${head}  write:\n    allow:\n      - out/**\n      - out/*.txt\n${ends}`,
      [/^8 POLICY_VIOLATION .*a sandbox cannot hold "out\/\*\.txt"/],
    ],
    ["a rule that denies", `${head}  write:\n    deny: ["**/*.csv"]\n${ends}`, [/^6 POLICY_VIOLATION .*cannot hold "\*\*\/\*\.csv"/]],
    ["a module of a step", `${head}steps:\n  a:\n    module: m\n`, [/^7 POLICY_VIOLATION steps\.a\.module: a module does not run in a sandbox/]],
    ["a module of a gate of a step", `${head}${ends}    gates:\n      - id: g\n        module: m\n`, [/^10 POLICY_VIOLATION .*module/]],
    ["a module of a gate", `${head}${ends}gates:\n  - id: g\n    module: m\n`, [/^10 POLICY_VIOLATION .*module/]],
  ])("%s is a problem of the check with its line, and the start says the same", async (_name, text, lines) => {
    bed.write("lily.yaml", "modules: { m: ./m.mjs }\n");
    bed.write(
      "m.mjs",
      `import { defineModule } from ${JSON.stringify(definitions)};\nexport const m = defineModule({ name: "m", version: "1", async run() { return {}; } });\n`,
    );
    const kernel = await bed.kernel();
    expect(await checked(kernel, text)).toEqual(lines.map((line) => expect.stringMatching(line)));
    expect(await started(kernel)).toMatchObject({ code: "POLICY_VIOLATION", message: expect.stringContaining("sandbox: require") });
    expect(await kernel.runs.list()).toEqual([]);
    const preferred = text.replace("require", "prefer");
    expect(await checked(kernel, preferred)).toEqual([]);
    // The gate of a module says nothing, which is no pass; that it ran at all is what counts here.
    expect(["succeeded", "failed"]).toContain(await started(kernel));
  });

  test("a demand of lily.yaml names it", async () => {
    bed.write("lily.yaml", "policy: { sandbox: require, write: { allow: ['a?.txt'] } }\n");
    const problems = await checked(await bed.kernel(), `workflow: w\nversion: 1\n${ends}`);
    expect(problems).toEqual([expect.stringMatching(/write\.allow "a\?\.txt" of lily\.yaml.*the policy of lily\.yaml says sandbox: require/)]);
  });

  test("where something may be written in part only, a pattern that denies elsewhere is no problem", async () => {
    const text = `${head}  write: { allow: [out/], deny: ["data/**/*.csv", "keep/"] }\n${ends}`;
    expect(await checked(await bed.kernel(), text)).toEqual([]);
    expect(await started(await bed.kernel())).toBe("succeeded");
  });
});

test("S6: without a sandbox the check says what the start says, and a plan can be made all the same", async () => {
  const bare = await openWith(bed, () => ({ processes: createProcessRunner({ sandboxProgram: "/nonexistent/bwrap" }) }));
  try {
    expect(await checked(bare, `${head}${ends}`)).toEqual([expect.stringMatching(/^4 SANDBOX_UNAVAILABLE .*bubblewrap \(bwrap\) is not installed/)]);
    expect(await started(bare)).toMatchObject({ code: "SANDBOX_UNAVAILABLE" });
    expect(await bare.workflows.plan({ file: join(bed.dir, "w.yaml") })).toMatchObject({ plan: { policy: { sandbox: "require" } } });
  } finally {
    await bare.close();
  }
});
