/** What a policy may hold, and what a document must not ask for under the policies that apply to it. */
import { parseByteSize } from "../base/byte-size.ts";
import { isLilyError } from "../base/lily-error.ts";
import type { PlanPolicy } from "../contracts/plan-document.ts";
import type { CheckContext, Path } from "./check-context.ts";
import { checkDuration, checkPath } from "./check-texts.ts";
import { composePolicy, type PolicyLayer } from "./compose-policy.ts";
import { namesOutside } from "./env-names.ts";
import type { WorkflowDocument, WorkflowPolicy, WorkflowStep } from "./workflow-document.ts";

/** The whole policy of a document that is still being checked: a layer with a value that cannot be read counts for nothing here. */
export function knownPolicy(layers: readonly PolicyLayer[], document: WorkflowDocument): PlanPolicy {
  try {
    return composePolicy([...layers, { origin: "the workflow", policy: document.policy ?? {} }]);
  } catch (error) {
    if (!isLilyError(error)) throw error;
    return composePolicy([]);
  }
}

export function checkPolicy(context: CheckContext): void {
  checkPolicyTexts(context, context.document.policy ?? {}, ["policy"]);
  checkAskedEnvironment(context);
}

/** The values of one policy, wherever it stands. */
export function checkPolicyTexts(context: Pick<CheckContext, "report">, policy: WorkflowPolicy, path: Path): void {
  const { report } = context;
  (policy.tools ?? []).forEach((tool, index) => {
    const problem = toolProblem(tool);
    if (problem !== null) report([...path, "tools", index], `${JSON.stringify(tool.slice(0, 80))} ${problem}`);
  });
  // Where it ends in a slash, a pattern is a folder with all that lies in it.
  const checkGlob = (glob: string, at: Path, ownFolderToo: boolean): void => checkPath(context, glob.replace(/(?<=[^/])\/$/, ""), at, ownFolderToo);
  (policy.write?.allow ?? []).forEach((glob, index) => checkGlob(glob, [...path, "write", "allow", index], false));
  (policy.write?.deny ?? []).forEach((glob, index) => checkGlob(glob, [...path, "write", "deny", index], true));
  checkDuration(context, policy.timeout_max, [...path, "timeout_max"], 1);
  checkSize(context, policy.diff_max, [...path, "diff_max"]);
}

/** Why no program can ever be meant; null when one can. A name is looked up in PATH; what holds a slash is a path. */
function toolProblem(tool: string): string | null {
  if (tool.includes("\0") || tool.includes("${") || tool.startsWith("-")) return "is no name or path of a program";
  if (tool.includes("/")) return /(?:^|\/)\.{0,2}$/.test(tool) ? "is a folder; a path of a program names a file" : null;
  if (tool === "." || tool === "..") return "is a folder; name a program";
  return /\s/.test(tool) ? "is no name of a program: a name has no blanks, and arguments are not part of it" : null;
}

function checkSize({ report }: Pick<CheckContext, "report">, size: WorkflowPolicy["diff_max"], path: Path): void {
  if (typeof size !== "string") return;
  try {
    parseByteSize(size);
  } catch (error) {
    if (!isLilyError(error)) throw error;
    report(path, error.message);
  }
}

/** What steps and gates are given beside PATH and HOME must be what every layer lets them have. */
function checkAskedEnvironment(context: CheckContext): void {
  const { document } = context;
  for (const [id, step] of Object.entries(document.steps)) {
    checkNames(context, step, ["steps", id]);
    (step.gates ?? []).forEach((gate, index) => checkNames(context, gate, ["steps", id, "gates", context.placeOf(`steps.${id}.gates`, index)]));
  }
  (document.gates ?? []).forEach((gate, index) => checkNames(context, gate, ["gates", context.placeOf("gates", index)]));
}

function checkNames({ policy, policyLayers, document, report }: CheckContext, from: Pick<WorkflowStep, "env" | "env_from" | "secrets">, path: Path): void {
  const { env_allow: allowed } = policy;
  if (allowed === undefined) return;
  const asked: readonly (readonly [Path, string])[] = [
    ...Object.keys(from.env ?? {}).map((name) => [[...path, "env", name], name] as const),
    ...(from.env_from ?? []).map((name, index) => [[...path, "env_from", index], name] as const),
    ...(from.secrets ?? []).map((name, index) => [[...path, "secrets", index], name] as const),
  ];
  const layers = [...policyLayers, { origin: "this document", policy: document.policy ?? {} }];
  for (const [at, name] of asked) {
    if (allowed.every((list) => namesOutside([name], list).length === 0)) continue;
    const who = layers.filter(({ policy: one }) => one.env_allow !== undefined && namesOutside([name], one.env_allow).length > 0);
    report(at, `${name} is not in policy.env_allow of ${who.map(({ origin }) => origin).join(" and ")}`, { code: "POLICY_VIOLATION" });
  }
}
