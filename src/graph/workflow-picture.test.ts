import { describe, expect, test } from "vitest";
import { compilePlan } from "./compile-plan.ts";
import { memoryFileTree } from "./memory-file-tree.test-support.ts";
import { pictureFormats, workflowPicture } from "./workflow-picture.ts";

async function setup() {
  const { plan } = await compilePlan({
    tree: memoryFileTree({ "m.ts": "m" }),
    modules: { m: "m.ts" },
    document: {
      workflow: "weather",
      version: 1,
      steps: {
        report: {
          module: "m",
          needs: ["clean"],
          gates: [
            { id: "rows", run: ["x"] },
            { id: "nice", run: ["x"], required: false },
          ],
        },
        clean: { run: ["node", "a b", "\u001b[31m\u202e"], outputs: { table: { path: "out/t" } } },
        note: { shell: `echo ${"x".repeat(80)}` },
      },
      gates: [{ id: "end", run: ["x"] }],
      routes: [
        { id: "repair", when: { gate: "rows", status: "failed" }, do: { goto: "clean", max: 2 } },
        { id: "again", when: { step: "note", violation: true }, do: { retry: true } },
        { id: "loop", when: { step: "note" }, do: { goto: "clean" } },
        { id: "rest", when: {}, do: { abort: "no" } },
        { id: "late", when: { gate: "end" }, do: { goto: "clean" } },
      ],
    },
  });
  return plan;
}

describe("workflowPicture", () => {
  test("the table stands in running order and shows no control characters", async () => {
    expect(workflowPicture(await setup(), "table")).toBe(
      [
        "#  step    runs                                                          needs  outputs  gates",
        '1  clean   node "a b" "\\u001b[31m\\u{202e}"                               -      table    -',
        "2  report  module m                                                      clean  -        rows, nice (optional)",
        `3  note    sh: echo ${"x".repeat(48)}...  -      -        -`,
        "",
        "gates of the run: end",
        "",
        "route repair: when gate rows failed: goto clean, at most 2",
        "route again: when step note violation: retry, at most 1",
        "route loop: when step note: goto clean, at most 1",
        "route rest: when anything fails: abort",
        "route late: when gate end: goto clean, at most 1",
        "",
      ].join("\n"),
    );
  });

  test("DOT and Mermaid draw needs as arrows and goto routes dashed", async () => {
    const plan = await setup();
    const dot = workflowPicture(plan, "dot");
    expect(dot).toContain('"clean" -> "report";');
    expect(dot).toContain('"report" -> "clean" [style=dashed, constraint=false, label="repair"];');
    const mermaid = workflowPicture(plan, "mermaid");
    expect(mermaid).toContain('s0["report<br/>gate rows<br/>gate nice"]');
    expect(mermaid).toContain("s1 --> s0");
    expect(mermaid).toContain("s0 -. repair .-> s1");
  });

  test("JSON holds nodes and edges", async () => {
    const picture: unknown = JSON.parse(workflowPicture(await setup(), "json"));
    expect(picture).toMatchObject({
      workflow: "weather",
      edges: [{ from: "clean", to: "report", kind: "needs" }, { from: "report", to: "clean", kind: "goto", route: "repair" }, { route: "loop" }],
      gates: ["end"],
    });
  });

  test("a plan without routes, gates or order is still shown", async () => {
    const plan = await setup();
    const [first] = plan.steps;
    if (first === undefined) throw new Error("the plan has steps");
    for (const format of pictureFormats)
      expect(workflowPicture({ ...plan, routes: [], gates: [], steps: [{ ...first, needs: [first.id] }] }, format)).toContain("report");
  });

  test("a plan from elsewhere whose needs form a circle is still shown, in the order of the document", async () => {
    const plan = await setup();
    const circle = { ...plan, steps: plan.steps.map((step) => ({ ...step, needs: [step.id] })) };
    expect(
      workflowPicture(circle, "table")
        .split("\n")
        .slice(1, 4)
        .map((line) => line.split(/\s+/)[1]),
    ).toEqual(plan.steps.map((step) => step.id));
    expect(workflowPicture({ ...plan, steps: plan.steps.filter((step) => step.id !== "clean") }, "mermaid")).toContain("unknown");
    expect(() => workflowPicture(plan, "svg" as never)).toThrow(/unreachable/);
  });
});
