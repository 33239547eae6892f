/** Checks the templates of a pack as they stand: what no use could make right is told to whoever writes the pack, with its line. */
import { caseTwins } from "../base/identifier.ts";
import { type JsonObject, type JsonValue, isJsonObject } from "../base/json-value.ts";
import { isLilyError } from "../base/lily-error.ts";
import type { z } from "zod";
import type { PackTemplate } from "./pack-template.ts";
import { packPieces } from "./pack-text.ts";
import { paramCompiler } from "./param-schema.ts";
import type { Report } from "./problem-list.ts";
import { reportIssues, valueAt } from "./structure-problems.ts";
import { membersAt, workflowGateSchema, workflowStepSchema } from "./workflow-document.ts";

type Kind = "step" | "gate";
type Path = readonly PropertyKey[];

export async function checkTemplates(kind: Kind, templates: Readonly<Record<string, PackTemplate>>, report: Report): Promise<void> {
  for (const [id, template] of Object.entries(templates)) {
    const path = [`${kind}_templates`, id];
    await checkParams(template, path, report);
    checkBody(kind, template, [...path, kind], report);
    checkTexts(kind, template, template.body, [...path, kind], report);
  }
}

async function checkParams({ params }: PackTemplate, path: Path, report: Report): Promise<void> {
  const entries = Object.entries(params);
  if (entries.length === 0) return;
  for (const [first, second] of caseTwins(Object.keys(params))) report([...path, "params", second], `params ${first} and ${second} differ in case only`);
  const compile = await paramCompiler();
  for (const [name, schema] of entries) {
    const at = [...path, "params", name];
    try {
      const check = compile(name, schema);
      const problem = schema["default"] === undefined ? null : check(schema["default"]);
      if (problem !== null) report([...at, "default"], `the default of param ${name} does not fit its own schema: ${problem}`);
    } catch (thrown) {
      if (!isLilyError(thrown, "PARAM_INVALID")) throw thrown;
      report(at, thrown.message);
    }
  }
}

/** The shape of a step or gate, but for what only the values of a use decide. */
function checkBody(kind: Kind, { body }: PackTemplate, path: Path, report: Report): void {
  if (Object.hasOwn(body, "template")) report([...path, "template"], "templates do not expand into templates");
  const gates = kind === "step" && Array.isArray(body["gates"]) ? body["gates"] : [];
  gates.forEach((gate: JsonValue, index: number) => {
    if (isJsonObject(gate) && Object.hasOwn(gate, "template")) report([...path, "gates", index, "template"], "templates do not expand into templates");
  });
  const given = kind === "gate" ? { id: "id", ...body } : body;
  if (kind === "gate" && Object.hasOwn(body, "id")) report([...path, "id"], "a gate's id is given where the template is used");
  const parsed = (kind === "step" ? workflowStepSchema : workflowGateSchema).safeParse(given);
  if (parsed.success) return;
  const issues = parsed.error.issues.filter((issue: z.core.$ZodIssue) => !isOpen(body, issue.path));
  const under: Path = kind === "step" ? ["steps", "id"] : ["gates", 0];
  reportIssues(
    issues,
    body,
    (at) => membersAt([...under, ...at])?.filter((member) => member !== "template" && !(kind === "gate" && member === "id")) ?? null,
    (at, message, options) => report([...path, ...at], message, options),
  );
}

/** True when a value of the use stands at the path, or at a part above it. */
function isOpen(body: JsonObject, path: Path): boolean {
  return path.some((_, index) => {
    const part = valueAt(body, path.slice(0, index + 1));
    return typeof part === "string" && packPieces(part).some((piece) => piece.kind !== "text");
  });
}

function checkTexts(kind: Kind, { params }: PackTemplate, value: JsonValue, path: Path, report: Report): void {
  const walk = (part: JsonValue, at: Path): void => {
    if (typeof part === "string") return checkText(part, at);
    if (typeof part !== "object" || part === null) return;
    for (const [key, item] of Object.entries(part)) walk(item, [...at, isJsonObject(part) ? key : Number(key)]);
  };
  const checkText = (text: string, at: Path): void => {
    const isShell = kind === "step" && at.at(-1) === "shell" && at.length === path.length + 1;
    for (const piece of packPieces(text)) {
      if (isShell && (piece.kind === "with" || piece.kind === "step_output" || piece.kind === "step_id"))
        report(at, "shell text takes no values; give the value a name in env and use that variable");
      else if (piece.kind === "malformed" && !isShell) report(at, `reference ${JSON.stringify(piece.source.slice(0, 80))} ${piece.why}`);
      else if (piece.kind === "with" && !Object.hasOwn(params, piece.name))
        report(at, `names the unknown param ${piece.name}`, { wanted: piece.name, known: Object.keys(params) });
      else if (kind === "gate" && (piece.kind === "step_id" || piece.kind === "step_output"))
        report(at, "a gate template does not know its step; take what it judges as a param");
    }
  };
  walk(value, path);
}
