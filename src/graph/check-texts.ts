/** Checks that several parts share: references, argv, environment, durations, paths. */
import { durationMsMax, parseDuration } from "../base/duration.ts";
import { isLilyError } from "../base/lily-error.ts";
import { relativePathProblem } from "../base/relative-path.ts";
import type { CheckContext, Path } from "./check-context.ts";
import { parseTemplate, type Reference } from "./template.ts";
import type { WorkflowGate, WorkflowStep } from "./workflow-document.ts";

/** `self` is the step whose own outputs are not there yet; null in its gates and in gates of the run. */
export function checkTemplate(context: CheckContext, text: string, path: Path, self: string | null): void {
  if (!text.includes("${")) return;
  for (const piece of parseTemplate(text)) {
    if (piece.kind === "malformed") context.report(path, `reference ${JSON.stringify(piece.source.slice(0, 80))} ${piece.why}`);
    else if (piece.kind === "reference") checkReference(context, piece.reference, path, self);
  }
}

function checkReference({ names, report }: CheckContext, reference: Reference, path: Path, self: string | null): void {
  switch (reference.kind) {
    case "param":
      if (!names.params.has(reference.name)) report(path, `names the unknown param ${reference.name}`, { wanted: reference.name, known: names.params });
      return;
    case "input":
      if (!names.inputs.has(reference.name)) report(path, `names the unknown input ${reference.name}`, { wanted: reference.name, known: names.inputs });
      return;
    case "output": {
      const { step, output } = reference;
      const outputs = names.outputs.get(step);
      if (outputs === undefined) report(path, `names the unknown step ${step}`, { wanted: step, known: names.outputs.keys() });
      else if (outputs !== null && !outputs.has(output)) report(path, `step ${step} has no output ${output}`, { wanted: output, known: outputs });
      else if (step === self) report(path, `step ${step} refers to its own output ${output}, which is not there before it ran: write the path`);
      return;
    }
    case "attempt":
    case "route":
    case "run_id":
      return;
  }
}

export function checkArgv(context: CheckContext, argv: readonly string[], path: Path, self: string | null): void {
  const [command] = argv;
  if (command !== undefined && command.trim() === "") context.report([...path, 0], "the first item names the program and must not be empty");
  if (command?.startsWith("-")) context.report([...path, 0], `the first item names the program; ${JSON.stringify(command.slice(0, 40))} reads as an option`);
  argv.forEach((item, index) => {
    if (item.includes("\0")) context.report([...path, index], "holds a NUL, which no program can receive");
    checkTemplate(context, item, [...path, index], self);
  });
}

export function checkEnvironment(context: CheckContext, from: WorkflowStep | WorkflowGate, path: Path, self: string | null): void {
  for (const [name, value] of Object.entries(from.env ?? {})) {
    if (value.includes("\0")) context.report([...path, "env", name], "holds a NUL, which no program can receive");
    checkTemplate(context, value, [...path, "env", name], self);
  }
  const secrets = from.secrets ?? [];
  secrets.forEach((name, index) => {
    if (Object.hasOwn(from.env ?? {}, name)) context.report([...path, "secrets", index], `secret ${name} is also written out in env; remove it there`);
  });
  const named: readonly (readonly [Path, string])[] = [
    ...Object.keys(from.env ?? {}).map((name) => [[...path, "env", name], name] as const),
    ...(from.env_from ?? []).map((name, index) => [[...path, "env_from", index], name] as const),
    ...secrets.map((name, index) => [[...path, "secrets", index], name] as const),
  ];
  for (const [at, name] of named) if (/^LILY_/i.test(name)) context.report(at, `${name} is reserved: Lily sets the variables that begin with LILY_`);
}

export function checkDuration({ report }: Pick<CheckContext, "report">, text: string | undefined, path: Path, least: number): void {
  if (text === undefined) return;
  try {
    if (parseDuration(text) < least) report(path, `${text} must be at least ${least} ms`, { code: "DURATION_INVALID" });
  } catch (error) {
    if (!isLilyError(error)) throw error;
    report(path, `${error.message}; the longest is ${durationMsMax / 86_400_000} days`, { code: "DURATION_INVALID" });
  }
}

/** A path or glob that is taken as it stands. Lily's own folder is never a step's (S7), though it may be named to deny it. */
export function checkPath({ report }: Pick<CheckContext, "report">, text: string, path: Path, ownFolderToo = false): void {
  const plain = text.startsWith("./") ? text.slice(2) : text;
  const problem = relativePathProblem(plain);
  if (problem !== null) report(path, `path ${JSON.stringify(text.slice(0, 200))} ${problem}; paths are relative and stay inside`, { code: "PATH_INVALID" });
  else if (text.includes("${")) report(path, `path ${JSON.stringify(text.slice(0, 200))} holds a reference, but paths are not templates`);
  else if (ownFolderToo) return;
  else if (plain.toLowerCase() === ".lily" || plain.toLowerCase().startsWith(".lily/"))
    report(path, `path ${text} lies in .lily, which is Lily's own`, { code: "PATH_INVALID" });
}

export function checkSchemaName({ report, schemas }: CheckContext, id: string | undefined, path: Path): void {
  if (id === undefined || schemas.has(id)) return;
  report(path, `schema ${id} is not registered in lily.yaml`, { code: "SCHEMA_UNKNOWN", wanted: id, known: schemas });
}
