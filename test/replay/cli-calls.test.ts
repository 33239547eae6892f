/** What the commands of replay ask of the kernel: paths are absolute, what was not given is left to the kernel. */
import { expect, test } from "vitest";
import { fakeKernel } from "../cli/fake-kernel.ts";
import { lily } from "../cli/fake-host.ts";

async function asked(...argv: readonly string[]): Promise<readonly (readonly unknown[])[]> {
  const { preset, calls } = fakeKernel();
  await lily(argv, { preset });
  return calls.filter(([operation]) => /rerun|replace|judge|fork/.test(operation));
}

test("run rerun passes every step and the reason on", async () => {
  expect(await asked("run", "rerun", "latest", "--from", "a", "--from", "b", "--reason", "r")).toEqual([
    ["runs.rerun", "latest", { from: ["a", "b"], reason: "r" }],
  ]);
});

test("artifact replace takes an id for an id, and anything else for a file", async () => {
  expect(await asked("artifact", "replace", "art_3", "../x.csv", "--reason", "r")).toEqual([
    ["artifacts.replace", "art_3", { file: "/work/x.csv" }, { reason: "r" }],
  ]);
  expect(await asked("artifact", "replace", "art_3", "art_4f", "--reason", "r", "--run", "latest")).toEqual([
    ["artifacts.replace", "art_3", { artifact: "art_4f" }, { reason: "r", run: "latest" }],
  ]);
});

test("run gates judges only when it is told that it only judges", async () => {
  expect(await asked("run", "gates", "latest")).toEqual([]);
  expect(await asked("run", "gates", "latest", "--judge-only", "--gate", "g")).toEqual([["runs.judge", "latest", { gate: "g" }]]);
});

test("run fork takes another workflow with its parameters and inputs", async () => {
  expect(await asked("run", "fork", "latest", "--from", "a", "--reason", "r")).toEqual([["runs.fork", "latest", { from: ["a"], reason: "r" }]]);
  expect(await asked("run", "fork", "latest", "--from", "a", "--reason", "r", "--file", "b.yaml", "--param", "y=1", "--input", "csv=x.csv")).toEqual([
    [
      "runs.fork",
      "latest",
      { from: ["a"], reason: "r", workflow: { file: "/work/project/b.yaml" }, params: { y: "1" }, inputs: { csv: "/work/project/x.csv" } },
    ],
  ]);
  expect(await asked("run", "fork", "latest", "--from", "a", "--reason", "r", "--input", "csv=x.csv")).toEqual([]);
});
