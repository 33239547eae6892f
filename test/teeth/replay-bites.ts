import { type Bite, vitest } from "./bite.ts";

const fold = vitest("src/graph/apply-person.test.ts");
const applyPerson = "src/graph/apply-person.ts";

/** Reruns, replacements, dry runs and forks. */
export const replayBites: readonly Bite[] = [
  {
    name: "replacement-is-not-judged",
    breaks: "E4 what a person put in the place of an output is judged before anything stands on it",
    edits: [{ file: applyPerson, find: '  if (step.plan.gates.length > 0) movePhase(state, step, "gating");\n', replace: "" }],
    suite: fold,
  },
  {
    name: "replacement-leaves-dependents",
    breaks: "K25 strict dependents of a replacement are done again",
    edits: [{ file: applyPerson, find: "  resetDependents(state, event, state.dependents[step.index] ?? []);\n", replace: "" }],
    suite: fold,
  },
  {
    name: "rerun-hangs-on-undecided-failures",
    breaks: "K23 a run that is rerun comes to rest",
    edits: [{ file: applyPerson, find: 'step.phase === "deciding" || step.phase === "failed"', replace: 'step.phase === "failed"' }],
    suite: fold,
  },
  {
    name: "dry-verdict-counts",
    breaks: "E5 a dry run changes nothing but verdicts",
    edits: [{ file: "src/graph/apply-event.ts", find: "  if (data.dry_run === true) return;\n", replace: "" }],
    suite: vitest("src/graph/scheduler"),
  },
  {
    name: "fork-proof-trusts-its-roots",
    breaks: "B5 what a fork says it shares is compared with the source",
    edits: [{ file: "src/ledger/fork-proof.ts", find: "  if (root !== claim.root) problems.push(", replace: "  if (root === null) problems.push(" }],
    suite: vitest("test/replay/fork.test.ts"),
  },
];
