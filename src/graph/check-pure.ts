import type { CheckContext, Path } from "./check-context.ts";
import { parseTemplate, type Reference, referenceText } from "./template.ts";
import type { WorkflowGate, WorkflowStep } from "./workflow-document.ts";
import { withoutDot } from "./bind-code.ts";
import { absolutePathIn, unboundPathProblem } from "./unbound-paths.ts";

/** Reuse is only true when nothing but what is declared can change the result. */
export function checkPure(context: CheckContext, id: string, step: WorkflowStep, path: Path): void {
  const { document, policy, report } = context;
  if (step.env_affects_output !== undefined && step.pure !== true) report([...path, "env_affects_output"], "says something about pure steps only");
  if (step.pure !== true) return;
  const at = [...path, "pure"];
  // A module of a pack is bound with everything that it imports from the pack.
  const isPack = step.module !== undefined && context.packModules.has(step.module);
  if (step.uses === undefined && !isPack)
    report(at, `pure step ${id} needs uses: the code that it depends on, or uses: [] to say that it uses none of the project beside what its run names`);
  const workdir = step.workdir ?? document.workdir ?? "source";
  if (workdir === "source" && policy.sandbox === "off") report(at, `pure step ${id} needs workdir: isolated, or policy.sandbox prefer or require`);
  const open = [step, ...(step.gates ?? [])].flatMap((one) => [...(one.env_from ?? []), ...(one.secrets ?? [])]);
  if (open.length > 0 && step.env_affects_output === undefined) {
    report(
      at,
      `pure step ${id} takes ${[...new Set(open)].join(", ")} from outside; say env_affects_output: false if that changes no output, or true to make it part of what the step depends on`,
    );
  }
  for (const reference of passingReferences(step)) {
    report(at, `pure step ${id} names ${referenceText(reference)}, which is another value in every run; take it out of the step and its gates`);
  }
  for (const [text, inFolder] of absolutePaths(context, step)) report(at, unboundPathProblem(id, text, inFolder));
  for (const [name, file] of unreadInputs(context, step)) {
    report(at, `pure step ${id} names the file ${file} of input ${name}, which it is not given; add it: reads: [${name}]`);
  }
}

/** Argv items after the program that are absolute paths into the workflow's folder; with parameters in them they are told when the plan is made. */
function absolutePaths({ folder }: CheckContext, step: WorkflowStep): readonly (readonly [string, string])[] {
  const items = [step, ...(step.gates ?? [])].flatMap(({ run }) => (Array.isArray(run) ? run.slice(1) : []));
  return items.flatMap((text) => {
    const path = folder === null || text.includes("${") ? null : absolutePathIn(folder, text);
    return path === null ? [] : [[text, path] as const];
  });
}

/** What differs from run to run would make every result one of its own, or the reuse of one a lie. */
function passingReferences(step: WorkflowStep): readonly Reference[] {
  const found = new Map<string, Reference>();
  const texts: unknown[] = [step.run, step.env, step.with, ...(step.gates ?? []).flatMap((gate: WorkflowGate) => [gate.run, gate.env, gate.of, gate.with])];
  const look = (value: unknown): void => {
    if (typeof value === "string") {
      for (const piece of parseTemplate(value)) {
        if (piece.kind === "reference" && isPassing(piece.reference)) found.set(referenceText(piece.reference), piece.reference);
      }
    } else if (typeof value === "object" && value !== null) Object.values(value).forEach(look);
  };
  texts.forEach(look);
  return [...found.values()];
}

function isPassing({ kind }: Reference): boolean {
  return kind === "attempt" || kind === "route" || kind === "run_id";
}

/** An input's file that is named as a plain path is not code, so only `reads` brings it into an isolated step's folder and into its key. */
function unreadInputs({ document }: CheckContext, step: WorkflowStep): readonly (readonly [string, string])[] {
  const named = new Set([...(step.run ?? []), ...(step.gates ?? []).flatMap((gate) => gate.run ?? [])].map(withoutDot));
  return Object.entries(document.inputs ?? {}).flatMap(([name, { file }]) =>
    file !== undefined && named.has(withoutDot(file)) && step.reads?.includes(name) !== true ? [[name, file] as const] : [],
  );
}
