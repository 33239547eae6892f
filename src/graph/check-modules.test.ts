import { describe, expect, test } from "vitest";
import { checkWorkflow } from "./check-workflow.ts";

const problemsOf = async (gate: string) => {
  const text = `workflow: w\nversion: 1\nsteps: { a: { run: [x], outputs: { o: { path: o } } } }\ngates:\n  - ${gate}\n`;
  const { problems } = await checkWorkflow(new TextEncoder().encode(text), { modules: ["own.judge"] });
  return problems.map(({ code, line, message }) => `${code} ${line} ${message}`);
};

describe("gates that name a module", () => {
  test.each([
    ['{ id: g, module: own.judge, with: { of: "${steps.a.outputs.o}", list: [{ n: "${run.id}" }] }, isolation: process }'],
    ["{ id: g, module: own.judge }"],
  ])("%s has no problems", async (gate) => {
    expect(await problemsOf(gate)).toEqual([]);
  });

  test.each([
    ["{ id: g, module: own.jugde }", "MODULE_NOT_FOUND 5 gates[0].module: module own.jugde is not registered in lily.yaml; did you mean own.judge?"],
    ['{ id: g, module: own.judge, with: { deep: [{ of: "${steps.a.outputs.p}" }] } }', "WORKFLOW_INVALID 5 gates[0].with.deep[0].of: step a has no output p"],
    ["{ id: g, module: own.judge, secrets: [DB] }", "WORKFLOW_INVALID 5 gates[0].secrets: secrets is for gates that run a command"],
    ["{ id: g, run: [x], with: { n: 1 } }", "WORKFLOW_INVALID 5 gates[0].with: with is for gates that name a module"],
    ["{ id: g, run: [x], isolation: none }", "WORKFLOW_INVALID 5 gates[0].isolation: isolation is for gates that name a module"],
  ])("%s is refused", async (gate, expected) => {
    expect((await problemsOf(gate)).map((problem) => problem.slice(0, expected.length))).toEqual([expected]);
  });
});
