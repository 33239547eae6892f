import { describe, expect, test } from "vitest";
import { allowedTools, enforcementSummary, judgeTool } from "./policy.ts";

const sh = { names: ["sh"], paths: ["/usr/bin/dash"] };
const node = { names: ["node", "/usr/bin/dash"], paths: ["/usr/bin/node", "/usr/bin/dash"] };

describe("judgeTool", () => {
  test("without a list every tool is allowed", () => {
    expect(judgeTool(null, "/usr/bin/curl", "curl")).toEqual({ allowed: true, reason: null });
  });

  test("a tool that was not found is left to fail by itself", () => {
    expect(judgeTool([{ names: [], paths: [] }], null, "nope").allowed).toBe(true);
  });

  test("the file counts, not its name: a link jq to a shell is the shell, a copy elsewhere is another file", () => {
    expect(judgeTool([sh], "/usr/bin/dash", "sh").allowed).toBe(true);
    expect(judgeTool([{ names: ["jq"], paths: ["/usr/bin/jq"] }], "/usr/bin/dash", "jq")).toEqual({
      allowed: false,
      reason: "the tool jq is /usr/bin/dash, and the policy allows jq",
    });
    expect(judgeTool([node], "/work/node", "./node").allowed).toBe(false);
    expect(judgeTool([{ names: [], paths: [] }], "/usr/bin/dash", "sh").reason).toMatch(/allows no tools/);
  });

  test("every layer must allow it", () => {
    expect(judgeTool([sh, node], "/usr/bin/dash", "sh").allowed).toBe(true);
    expect(judgeTool([sh, node], "/usr/bin/node", "node").reason).toBe("the tool node is /usr/bin/node, and the policy allows sh");
    expect(allowedTools([node, sh])).toEqual(["/usr/bin/dash"]);
    expect(allowedTools([])).toEqual([]);
    expect(allowedTools(null)).toBeNull();
  });
});

describe("S6: what is not enforced is said not to be", () => {
  const none = {
    tools: false,
    write: false,
    diff: false,
    network: false,
    environment: false,
    sandboxed: false,
    writesExact: false,
    compared: false,
    process: true,
  };
  const all = { ...none, tools: true, write: true, diff: true, network: true, environment: true };

  test("a policy without restrictions has an empty summary", () => {
    expect(enforcementSummary({ ...none, sandboxed: true, compared: true })).toEqual({});
  });

  test("without a sandbox only what is decided before the start is prevented", () => {
    const unenforced = { subprocesses: "unenforced", write: "unenforced", diff: "unenforced", network: "unenforced" };
    expect(enforcementSummary(all)).toEqual({ tools: "prevented", ...unenforced, environment: "prevented" });
    expect(enforcementSummary({ ...all, compared: true })).toMatchObject({ write: "observed", diff: "observed", network: "unenforced" });
  });

  test("a sandbox prevents writes only where its mounts say what the rule says, and never the size of a change", () => {
    expect(enforcementSummary({ ...all, sandboxed: true, writesExact: true, compared: true })).toEqual({
      tools: "prevented",
      subprocesses: "prevented",
      write: "prevented",
      diff: "observed",
      network: "prevented",
      environment: "prevented",
    });
    expect(enforcementSummary({ ...all, sandboxed: true, compared: true }).write).toBe("observed");
    expect(enforcementSummary({ ...all, sandboxed: true }).write).toBe("unenforced");
  });

  test("a module in Lily's own process is held to nothing", () => {
    expect(enforcementSummary({ ...all, process: false, compared: true })).toEqual({
      tools: "unenforced",
      subprocesses: "unenforced",
      write: "observed",
      diff: "observed",
      network: "unenforced",
      environment: "unenforced",
    });
  });
});
