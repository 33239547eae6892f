import { type Bite, vitest } from "./bite.ts";

const loading = vitest("test/packs/load-packs.test.ts");
const gates = vitest("test/packs/module-gates.test.ts");

/** Packs: what they are bound by, what they may bring, and gates that a module judges. */
export const packBites: readonly Bite[] = [
  {
    name: "pack-drift-unseen",
    breaks: "a run goes on only with the packs of its plan",
    edits: [{ file: "src/kernel/load-packs.ts", find: "planned?.digest === loaded?.digest && ", replace: "" }],
    suite: loading,
  },
  {
    name: "pack-helper-unbound",
    breaks: "what a pack runs is what the plan binds, also while the run goes on",
    edits: [{ file: "src/runtime/load-module.ts", find: "  await guard.check(bound);\n", replace: "" }],
    suite: loading,
  },
  {
    name: "pack-links-followed",
    breaks: "a pack consists of plain files of its own",
    edits: [{ file: "src/graph/pack-files.ts", find: 'if (kind === "link")', replace: 'if (kind === "link" && path === "")' }],
    suite: loading,
  },
  {
    name: "pack-isolation-lowered",
    breaks: "E6 a module of a pack runs in a process of its own",
    edits: [{ file: "src/graph/compile-step.ts", find: 'packModules.has(module) ? "process" : (given ?? "none")', replace: 'given ?? "none"' }],
    suite: loading,
  },
  {
    name: "module-gate-truthy",
    breaks: "E4 only a clear true passes",
    edits: [{ file: "src/judge/judge-module-gate.ts", find: 'typeof passed !== "boolean"', replace: "passed === undefined" }],
    suite: gates,
  },
  {
    name: "values-join-into-references",
    breaks: "a value of a template never becomes part of a reference",
    edits: [
      {
        file: "src/graph/pack-text.ts",
        find: 'if (pieces.some((piece) => piece.kind !== "text") && !joinsSoundly(raws, filled))',
        replace: "if (!joinsSoundly(raws, filled) && raws.length > 1_000)",
      },
    ],
    suite: vitest("src/graph/expand-templates.test.ts"),
  },
];
