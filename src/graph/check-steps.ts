import { caseTwins } from "../base/identifier.ts";
import type { CheckContext, Path } from "./check-context.ts";
import { checkArgv, checkDuration, checkEnvironment, checkPath, checkSchemaName } from "./check-texts.ts";
import { checkIsolation, checkModule, checkValue } from "./check-modules.ts";
import { checkGates } from "./check-gates.ts";
import { checkPure } from "./check-pure.ts";
import { needsOf } from "./compile-step.ts";
import { stepOrder } from "./step-order.ts";
import type { WorkflowRetry, WorkflowStep } from "./workflow-document.ts";

const cycleShownMax = 20;

export function checkSteps(context: CheckContext): void {
  const { document, report } = context;
  for (const [first, second] of caseTwins(Object.keys(document.steps))) report(["steps", second], `step ids ${first} and ${second} differ in case only`);
  for (const [id, step] of Object.entries(document.steps)) checkStep(context, id, step);
  checkOutputClashes(context);
  checkCycles(context);
}

function checkStep(context: CheckContext, id: string, step: WorkflowStep): void {
  const path: Path = ["steps", id];
  if (id.split(".").includes("outputs")) context.report(path, `step id ${id} has the segment outputs, which references use to divide`);
  checkBody(context, id, step, path);
  checkEnvironment(context, step, path, id);
  checkNeeds(context, id, step, path);
  checkReads(context, step, path);
  checkOutputs(context, step, path);
  checkPure(context, id, step, path);
  (step.uses ?? []).forEach((entry, index) => checkPath(context, entry, [...path, "uses", index]));
  checkDuration(context, step.timeout, [...path, "timeout"], 1);
  checkRetry(context, step.retry ?? {}, [...path, "retry"]);
  checkGates(context, step.gates ?? [], [...path, "gates"]);
}

function checkBody(context: CheckContext, id: string, step: WorkflowStep, path: Path): void {
  const { report, executors } = context;
  if (step.run !== undefined) checkArgv(context, step.run, [...path, "run"], id);
  if (step.shell !== undefined) checkShell(context, step.shell, [...path, "shell"]);
  checkModule(context, step.module, path);
  for (const [member, executor] of [
    ["run", "process"],
    ["shell", "shell"],
    ["module", "module"],
    ["engine", "engine"],
    ["llm", "llm"],
  ] as const) {
    if (step[member] === undefined || executors.has(executor)) continue;
    report([...path, member], `step ${id} needs the executor ${executor}; this version has ${[...executors].join(", ")}`, { code: "EXECUTOR_UNAVAILABLE" });
  }
  if (step.module !== undefined) checkValue(context, step.with ?? {}, [...path, "with"], id);
  else if (step.with !== undefined) report([...path, "with"], "with gives values to a module; other steps take them from run or env");
  if (step.isolation !== undefined && step.module === undefined) report([...path, "isolation"], "isolation is for module steps");
  checkIsolation(context, step, path);
}

/** `${NAME}` belongs to the shell; what only Lily could mean would reach it unreplaced. */
function checkShell({ report }: CheckContext, text: string, path: Path): void {
  if (text.includes("\0")) report(path, "holds a NUL, which no program can receive");
  for (const [reference] of text.matchAll(/\$\{(?:params|inputs|steps|run)\.[^}]{0,300}\}?/g)) {
    report(path, `${reference.slice(0, 80)} is not replaced in shell text; give it a name in env and use that variable`);
  }
}

function checkReads({ report, names }: CheckContext, step: WorkflowStep, path: Path): void {
  const seen = new Set<string>();
  (step.reads ?? []).forEach((name, index) => {
    const at = [...path, "reads", index];
    if (!names.inputs.has(name)) report(at, `names the unknown input ${name}`, { wanted: name, known: names.inputs });
    else if (seen.has(name)) report(at, `input ${name} is listed twice`);
    seen.add(name);
  });
}

function checkNeeds({ report, names }: CheckContext, id: string, step: WorkflowStep, path: Path): void {
  const seen = new Set<string>();
  (step.needs ?? []).forEach((need, index) => {
    const at = [...path, "needs", index];
    if (need === id) report(at, `step ${id} needs itself`);
    else if (!names.outputs.has(need)) report(at, `needs the unknown step ${need}`, { wanted: need, known: names.outputs.keys() });
    else if (seen.has(need)) report(at, `step ${need} is listed twice`);
    seen.add(need);
  });
}

function checkOutputs(context: CheckContext, step: WorkflowStep, path: Path): void {
  const outputs = Object.entries(step.outputs ?? {});
  for (const [first, second] of caseTwins(outputs.map(([name]) => name)))
    context.report([...path, "outputs", second], `outputs ${first} and ${second} differ in case only`);
  for (const [name, output] of outputs) {
    const at = [...path, "outputs", name];
    const places = (output.path === undefined ? 0 : 1) + (output.glob === undefined ? 0 : 1);
    if (places === 2) context.report(at, `output ${name} has both path and glob; one of them says where it is`);
    if (places === 0 && step.module === undefined) context.report(at, `output ${name} needs path or glob; only a module returns values`);
    if (output.path !== undefined) checkPath(context, output.path, [...at, "path"]);
    if (output.glob !== undefined) checkPath(context, output.glob, [...at, "glob"]);
    checkSchemaName(context, output.schema, [...at, "schema"]);
  }
}

export function checkRetry(context: CheckContext, retry: WorkflowRetry, path: Path): void {
  checkDuration(context, retry.backoff, [...path, "backoff"], 0);
  checkDuration(context, retry.max_backoff, [...path, "max_backoff"], 0);
}

/** Steps that share a folder must not write one file; a case-insensitive file system joins names that differ in case only. */
function checkOutputClashes({ document, report }: CheckContext): void {
  const owners = new Map<string, string>();
  for (const [id, step] of Object.entries(document.steps)) {
    const shared = (step.workdir ?? document.workdir ?? "source") === "source";
    for (const [name, { path }] of Object.entries(step.outputs ?? {})) {
      if (path === undefined) continue;
      const key = `${shared ? "" : id}\0${path.replace(/^\.\//, "").toLowerCase()}`;
      const owner = owners.get(key);
      if (owner !== undefined) report(["steps", id, "outputs", name, "path"], `path ${path} is also written by ${owner}`);
      else owners.set(key, `output ${name} of step ${id}`);
    }
  }
}

function checkCycles({ document, report }: CheckContext): void {
  const steps = Object.entries(document.steps).map(([id, step]) => ({ id, needs: needsOf(id, step) }));
  const order = stepOrder(steps);
  if (order.kind === "ordered") return;
  for (const cycle of order.cycles) {
    const [first = ""] = cycle;
    const shown = cycle.length <= cycleShownMax ? cycle : [...cycle.slice(0, cycleShownMax - 2), `(${cycle.length - cycleShownMax} more)`, ...cycle.slice(-2)];
    const implied = document.steps[first]?.needs?.includes(cycle[1] ?? "") === true ? "" : " (a need may be implied by a reference)";
    report(["steps", first, "needs"], `steps need each other: ${shown.join(" -> ")}${implied}`);
  }
}
