import type { CheckContext, Path } from "./check-context.ts";
import { checkIsolation, checkModule, checkValue } from "./check-modules.ts";
import { checkArgv, checkDuration, checkEnvironment, checkPath, checkSchemaName, checkTemplate } from "./check-texts.ts";
import { pathText } from "./problem-list.ts";
import { parseTemplate } from "./template.ts";
import type { WorkflowGate, WorkflowHashGate } from "./workflow-document.ts";

export function checkGates(context: CheckContext, gates: readonly WorkflowGate[], path: Path): void {
  const list = pathText(path);
  gates.forEach((gate, index) => checkGate(context, gate, [...path, context.placeOf(list, index)]));
}

function checkGate(context: CheckContext, gate: WorkflowGate, path: Path): void {
  const { report } = context;
  checkDuration(context, gate.timeout, [...path, "timeout"], 1);
  if (gate.run !== undefined) checkArgv(context, gate.run, [...path, "run"], null);
  if (gate.run === undefined) {
    for (const member of ["env", "env_from", "secrets"] as const)
      if (gate[member] !== undefined) report([...path, member], `${member} is for gates that run a command`);
  }
  checkEnvironment(context, gate, path, null);
  checkModuleGate(context, gate, path);
  checkSchemaGate(context, gate, path);
  if (gate.hash !== undefined) checkHash(context, gate.hash, [...path, "hash"]);
  if (gate.approval !== undefined) {
    report([...path, "approval"], `gate ${gate.id} asks for an approval; this version judges gates with run, schema and of, hash, or module`, {
      code: "EXECUTOR_UNAVAILABLE",
    });
  }
}

function checkModuleGate(context: CheckContext, gate: WorkflowGate, path: Path): void {
  checkModule(context, gate.module, path);
  checkIsolation(context, gate, path);
  if (gate.module !== undefined) return checkValue(context, gate.with ?? {}, [...path, "with"], null);
  for (const member of ["with", "isolation"] as const)
    if (gate[member] !== undefined) context.report([...path, member], `${member} is for gates that name a module`);
}

function checkSchemaGate(context: CheckContext, gate: WorkflowGate, path: Path): void {
  const { report } = context;
  checkSchemaName(context, gate.schema, [...path, "schema"]);
  if (gate.of === undefined) {
    if (gate.schema !== undefined) report(path, `gate ${gate.id} has a schema but not of: which output is to fit it?`);
    return;
  }
  if (gate.schema === undefined) report([...path, "of"], "of belongs to a gate with schema");
  checkTemplate(context, gate.of, [...path, "of"], null);
  const [only, more] = parseTemplate(gate.of);
  if (more !== undefined || only?.kind === "text" || (only?.kind === "reference" && only.reference.kind !== "output")) {
    report([...path, "of"], `${JSON.stringify(gate.of.slice(0, 80))} must be exactly one \${steps.STEP.outputs.OUTPUT}`);
  }
}

function checkHash(context: CheckContext, hash: WorkflowHashGate, path: Path): void {
  const { report } = context;
  for (const member of ["root", "flag", "index"] as const) {
    const text = hash[member];
    if (text !== undefined) checkPath(context, text, [...path, member]);
  }
  (hash.exclude_filenames ?? []).forEach((name, index) => {
    if (name.includes("/") || name.includes("\\"))
      report([...path, "exclude_filenames", index], `${JSON.stringify(name.slice(0, 80))} must be a file name without a folder`);
  });
  const isVerdict = hash.law === "json_verdict";
  for (const member of ["pointer", "equals"] as const) {
    if (isVerdict && hash[member] === undefined) report([...path], `law json_verdict needs ${member}`);
    if (!isVerdict && hash[member] !== undefined) report([...path, member], `${member} is for the law json_verdict`);
  }
  if (hash.pointer !== undefined && !/^(?:\/(?:[^~/]|~[01])*)*$/.test(hash.pointer))
    report([...path, "pointer"], `${JSON.stringify(hash.pointer.slice(0, 80))} is not a JSON pointer`);
}

/** Gate ids are unique in the document, whatever step they belong to: results and routes name them alone. */
export function checkGateIds({ document, report, placeOf }: CheckContext): void {
  const seen = new Map<string, string>();
  const check = (gates: readonly WorkflowGate[], path: Path) =>
    gates.forEach(({ id }, index) => {
      const first = seen.get(id.toLowerCase());
      const at = [...path, placeOf(pathText(path), index), "id"];
      if (first !== undefined)
        report(at, first === id ? `gate id ${id} is used twice; gate ids are unique in the document` : `gate ids ${first} and ${id} differ in case only`);
      else seen.set(id.toLowerCase(), id);
    });
  for (const [id, step] of Object.entries(document.steps)) check(step.gates ?? [], ["steps", id, "gates"]);
  check(document.gates ?? [], ["gates"]);
}
