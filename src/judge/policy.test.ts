import { describe, expect, test } from "vitest";
import { enforcementSummary, judgeTool } from "./policy.ts";

describe("judgeTool", () => {
  test("without a list every tool is allowed", () => {
    expect(judgeTool({ tools: null }, "/usr/bin/curl", "curl")).toEqual({ allowed: true, reason: null });
  });

  test("a tool that was not found is left to fail by itself", () => {
    expect(judgeTool({ tools: [] }, null, "nope").allowed).toBe(true);
  });

  test("base names and absolute paths of the resolved file are compared", () => {
    expect(judgeTool({ tools: ["node"] }, "/usr/bin/node", "node").allowed).toBe(true);
    expect(judgeTool({ tools: ["/usr/bin/node"] }, "/usr/bin/node", "node").allowed).toBe(true);
    expect(judgeTool({ tools: ["/opt/node"] }, "/usr/bin/node", "node").allowed).toBe(false);
    expect(judgeTool({ tools: ["nod"] }, "/usr/bin/node", "node").allowed).toBe(false);
  });

  test("what is written in the step does not count: a link jq to a shell is the shell", () => {
    expect(judgeTool({ tools: ["jq"] }, "/usr/bin/dash", "jq")).toEqual({ allowed: false, reason: "the tool jq is /usr/bin/dash, and the policy allows jq" });
    expect(judgeTool({ tools: [] }, "/usr/bin/dash", "sh").reason).toMatch(/allows no tools/);
  });

  test("with resolved policy names, a file of an allowed name elsewhere is refused and a link of an allowed name is accepted", () => {
    expect(judgeTool({ tools: ["node"] }, "/tmp/node", "./node", ["/usr/bin/node"]).allowed).toBe(false);
    expect(judgeTool({ tools: ["sh"] }, "/usr/bin/dash", "sh", ["/usr/bin/dash"]).allowed).toBe(true);
    expect(judgeTool({ tools: ["/tmp/node"] }, "/tmp/node", "./node", []).allowed).toBe(true);
  });
});

describe("S6: what is not enforced is said not to be", () => {
  const none = { tools: false, write: false, network: false, sandboxed: false, compared: false };

  test("a policy without restrictions has an empty summary", () => {
    expect(enforcementSummary(none)).toEqual({});
  });

  test("without a sandbox network is unenforced, and writes are observed at best", () => {
    expect(enforcementSummary({ ...none, tools: true, write: true, network: true })).toEqual({
      tools: "prevented",
      write: "unenforced",
      network: "unenforced",
    });
    expect(enforcementSummary({ ...none, write: true, compared: true })).toEqual({ write: "observed" });
  });

  test("with a sandbox both are prevented", () => {
    expect(enforcementSummary({ ...none, write: true, network: true, sandboxed: true })).toEqual({ write: "prevented", network: "prevented" });
  });
});
