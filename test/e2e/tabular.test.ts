/** The example of tabular checks, run as its page says, with the built command. */
import { cpSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { tableFile } from "../../examples/tabular/data-file.ts";
import { ExampleRun, repoRoot, shellBlocks } from "./example-run.ts";

const example = path.join(repoRoot, "examples", "tabular");
const workflow = path.join(example, "workflow.yaml");
const inputs = ["--input", `airports=${tableFile("airports.csv")}`, "--input", `weather=${tableFile("seattle-weather.csv")}`];

describe("the tabular example", () => {
  test("K26: gates of the pack judge real tables; the page says what they say; the plan binds the pack", async () => {
    using run = new ExampleRun();
    const view = await run.start(workflow, ...inputs);
    expect(view.status).toBe("succeeded");
    const events = await run.events();
    const reasons = new Map(
      events.flatMap((event) => ("gate_id" in event.data && "reason" in event.data ? [[event.data.gate_id, event.data.reason] as const] : [])),
    );
    const page = readFileSync(path.join(example, "README.md"), "utf8");
    const quoted = [...page.matchAll(/^gate {6}(\S+) of \S+ (?:passed|failed): (.*)$/gm)];
    expect(quoted).toHaveLength(5);
    for (const [, gate = "", reason] of quoted) expect(reasons.get(gate)).toBe(reason);
    const digest = (
      JSON.parse((await run.expectCode(0, "pack", "check", path.join(example, "..", "packs", "tabular"), "--json")).stdout) as { readonly ok: boolean }
    ).ok;
    expect(digest).toBe(true);
    const again = await run.start(workflow, ...inputs, "--param", "as_of=2016-01-02");
    expect(again.steps.map((step) => `${step.step_id} ${step.status}`)).toEqual(["airports reused", "weather succeeded"]);
    const plan = JSON.parse((await run.expectCode(0, "workflow", "plan", workflow, "--json")).stdout) as { readonly plan: { readonly packs: unknown } };
    expect(plan.plan.packs).toEqual([{ name: "tabular", version: "1.0.0", digest: expect.stringMatching(/^sha256:/) }]);
    expect(await run.verify()).toMatchObject({ result: "anchored" });
  });

  test("the commands of the page run; stale data and a drifted table fail the run with the reason", async () => {
    using run = new ExampleRun();
    const [start = "", stale = ""] = shellBlocks(readFileSync(path.join(example, "README.md"), "utf8"));
    const place = { LILY_WORKSPACE: path.join(run.dir, ".lily") };
    expect((await run.run(["sh", "-c", start], repoRoot, place)).code).toBe(0);
    const ended = await run.run(["sh", "-c", stale], repoRoot, place);
    expect(ended.code).toBe(1);
    expect(ended.stderr + ended.stdout).toContain("1464 hours before 2016-03-01; 2d are allowed");
    const drifted = path.join(run.dir, "airports.csv");
    writeFileSync(
      drifted,
      readFileSync(tableFile("airports.csv"), "utf8")
        .replace("latitude,longitude", "lat,longitude")
        .replace(/^00M,.*$/m, '00M,"Thigpen"s,x'),
    );
    const failed = await run.expectCode(1, "run", "start", workflow, "--input", `airports=${drifted}`, ...inputs.slice(2));
    expect(failed.stderr + failed.stdout).toContain("line 2: text follows the closing quote of a field");
  });

  test("a copy of pack and example runs wherever lily-kernel is installed, with the pack as a package", async () => {
    using run = new ExampleRun();
    run.install();
    const copy = path.join(run.dir, "tabular");
    cpSync(example, copy, { recursive: true });
    cpSync(path.join(example, "..", "packs", "tabular"), path.join(run.dir, "node_modules", "lily-pack-tabular"), { recursive: true });
    writeFileSync(path.join(copy, "lily.yaml"), "packs: [lily-pack-tabular]\n");
    expect((await run.start(path.join(copy, "workflow.yaml"), ...inputs)).status).toBe("succeeded");
  });
});
