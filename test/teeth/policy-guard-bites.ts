import { type Bite, vitest } from "./bite.ts";

const judged = vitest("src/judge/policy-writes.test.ts");
const levels = vitest("test/policy/levels.test.ts");
const guard = "src/runtime/attempt-guard.ts";

/** What an attempt is held to by the policy of its run. */
export const policyGuardBites: readonly Bite[] = [
  {
    name: "one-layer-is-enough",
    breaks: "what is allowed is allowed by every layer",
    edits: [
      {
        file: "src/judge/policy-writes.ts",
        find: "allows: (path) => layers.every((layer)",
        replace: "allows: (path) => layers.length === 0 || layers.some((layer)",
      },
    ],
    suite: judged,
  },
  {
    name: "line-break-hides-a-name",
    breaks: "a glob matches names with line breaks",
    edits: [{ file: "src/judge/path-globs.ts", find: ', flags: "s"', replace: "" }],
    suite: judged,
  },
  {
    name: "violation-counts-as-success",
    breaks: "E3 an attempt that broke the policy failed, whatever its command says",
    edits: [
      {
        file: "src/runtime/perform-step.ts",
        find: 'if (reason === null || execution.ok === "abandoned") return execution;',
        replace: "if (reason === null || execution.ok !== false) return execution;",
      },
    ],
    suite: levels,
  },
  {
    name: "prevented-without-mounts",
    breaks: "S6 what mounts cannot say is observed",
    edits: [{ file: guard, find: "writesExact: built?.inexact === null,", replace: "writesExact: built !== null," }],
    suite: levels,
  },
  {
    name: "own-folder-hides-what-is-handed-over",
    breaks: "S7 a workspace in the folder of work is hidden, and what a command is given of it is seen",
    edits: [
      {
        file: "src/runtime/sandbox-spec.ts",
        find: "innermost(path, hidden) > innermost(path, [cwd])",
        replace: "!isInside(path, cwd) && innermost(path, hidden) > -1",
      },
    ],
    suite: vitest("test/policy/sandbox-inputs.test.ts"),
  },
  {
    name: "workspace-policy-unread",
    breaks: "E3 a pattern of lily.yaml that can match nothing is refused",
    edits: [{ file: "src/graph/workspace-config.ts", find: 'checkPolicyTexts({ report: list.add }, policy ?? {}, ["policy"]);', replace: "" }],
    suite: levels,
  },
  {
    name: "blamed-for-others-in-a-sandbox",
    breaks: "what others change in the workflow's folder is not told to a sandboxed step in a folder of its own",
    edits: [{ file: guard, find: "new Set(built === null ? [cwd, run.sourceDir] : [cwd])", replace: "new Set([cwd, run.sourceDir])" }],
    suite: levels,
  },
];
