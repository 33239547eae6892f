/**
 * Finds every problem of a workflow document, each with its line and what was probably meant. Shape first; then, on all members whose
 * shape is right, names, references, cycles, paths, bounds and what this version can execute. Nothing is read but the document.
 */
import { caseTwins } from "../base/identifier.ts";
import { type JsonValue, isJsonObject } from "../base/json-value.ts";
import { isLilyError } from "../base/lily-error.ts";
import type { ProblemView } from "../contracts/run-view.ts";
import type { CheckContext } from "./check-context.ts";
import type { PolicyLayer } from "./compose-policy.ts";
import { checkGateIds, checkGates } from "./check-gates.ts";
import { checkPolicy, knownPolicy } from "./check-policy.ts";
import { checkRoutes } from "./check-routes.ts";
import { checkSandbox, type SandboxFacts } from "./check-sandbox.ts";
import { checkRetry, checkSteps } from "./check-steps.ts";
import { checkDuration, checkPath, checkSchemaName } from "./check-texts.ts";
import type { LocatedDocument } from "./located-document.ts";
import { paramCompiler } from "./param-schema.ts";
import { parseLocated } from "./parse-located.ts";
import { ProblemList } from "./problem-list.ts";
import { expandTemplates } from "./expand-templates.ts";
import { emptyCatalog, type PackCatalog } from "./pack-catalog.ts";
import { soundPart } from "./sound-part.ts";
import { reportIssues } from "./structure-problems.ts";
import { membersAt, type WorkflowDocument, workflowDocumentSchema } from "./workflow-document.ts";
import { workflowNames } from "./workflow-names.ts";

export interface CheckWorkflowOptions {
  /** Absolute path of the workflow's folder, so that absolute paths into it can be told. */
  readonly folder?: string;
  /** For messages, and to tell JSON (`.json`) from YAML. Default `workflow.yaml`. */
  readonly fileName?: string;
  /** Registered module names. */
  readonly modules?: Iterable<string>;
  /** What packs bring; their modules and schemas are among the registered ones. */
  readonly packs?: PackCatalog;
  /** Registered schema ids, built-in ones included. */
  readonly schemas?: Iterable<string>;
  /** Executors of this installation. Default process, shell, module. */
  readonly executors?: Iterable<string>;
  /** Policies of packs, in order, then of the workspace. */
  readonly policyLayers?: readonly PolicyLayer[];
  /** Without it, nobody looks whether a sandbox could hold what the policy demands of one. */
  readonly sandbox?: SandboxFacts;
}

export interface WorkflowCheck {
  readonly problems: readonly ProblemView[];
  /** Null when there is any problem. */
  readonly document: WorkflowDocument | null;
}

const paramsMax = 1_000;

/** `source` is the bytes of a file, or a document built in code (which has no lines). Throws only on faults. */
export async function checkWorkflow(source: Uint8Array | JsonValue, options: CheckWorkflowOptions = {}): Promise<WorkflowCheck> {
  const fileName = options.fileName ?? "workflow.yaml";
  if (!(source instanceof Uint8Array)) return checkLocated({ value: source, locate: () => null }, options.fileName ?? null, options);
  const { document, problems } = parseLocated(source, fileName);
  if (document !== null) return checkLocated(document, fileName, options);
  const views = problems.map(({ code, message, place }) => ({
    code,
    message,
    file: fileName,
    line: place?.line ?? null,
    column: place?.column ?? null,
    path: null,
    suggestion: null,
  }));
  return { problems: views, document: null };
}

async function checkLocated(written: LocatedDocument, file: string | null, options: CheckWorkflowOptions): Promise<WorkflowCheck> {
  const catalog = options.packs ?? emptyCatalog;
  let { locate } = written;
  const list = new ProblemList(file, (path) => locate(path));
  const expanded = await expandTemplates(written, catalog, list.add);
  const { value } = expanded;
  ({ locate } = expanded);
  if (!isJsonObject(value)) list.add([], "a workflow is a map with workflow, version and steps");
  const parsed = workflowDocumentSchema.safeParse(value);
  const sound = parsed.success ? { document: parsed.data, places: new Map<string, readonly number[]>() } : soundPart(value, parsed.error.issues);
  if (!parsed.success && isJsonObject(value)) reportIssues(parsed.error.issues, value, membersAt, list.add);
  if (sound !== null) {
    const context: CheckContext = {
      document: sound.document,
      names: workflowNames(value, expanded.unsure),
      modules: new Set([...(options.modules ?? []), ...catalog.modules]),
      packModules: catalog.modules,
      schemas: new Set(options.schemas),
      executors: new Set(options.executors ?? ["process", "shell", "module"]),
      policyLayers: options.policyLayers ?? [],
      policy: knownPolicy(options.policyLayers ?? [], sound.document),
      folder: options.folder ?? null,
      report: list.add,
      placeOf: (path, index) => sound.places.get(path)?.[index] ?? index,
    };
    await checkMeaning(context);
    if (options.sandbox !== undefined) await checkSandbox(context, options.sandbox);
  }
  const problems = list.sorted();
  return { problems, document: problems.length === 0 && parsed.success ? parsed.data : null };
}

async function checkMeaning(context: CheckContext): Promise<void> {
  const { document } = context;
  await checkParams(context);
  checkInputs(context);
  checkPolicy(context);
  checkDuration(context, document.defaults?.timeout, ["defaults", "timeout"], 1);
  checkRetry(context, document.defaults?.retry ?? {}, ["defaults", "retry"]);
  checkSteps(context);
  checkGates(context, document.gates ?? [], ["gates"]);
  checkGateIds(context);
  checkRoutes(context);
}

async function checkParams({ document, report }: CheckContext): Promise<void> {
  const params = Object.entries(document.params ?? {});
  for (const [first, second] of caseTwins(params.map(([name]) => name))) report(["params", second], `params ${first} and ${second} differ in case only`);
  if (params.length > paramsMax) report(["params"], `more than ${paramsMax} params`);
  if (params.length === 0) return;
  const compile = await paramCompiler();
  for (const [name, schema] of params.slice(0, paramsMax)) {
    try {
      const check = compile(name, schema);
      const problem = schema["default"] === undefined ? null : check(schema["default"]);
      if (problem !== null)
        report(["params", name, "default"], `the default of param ${name} does not fit its own schema: ${problem}`, { code: "PARAM_INVALID" });
    } catch (error) {
      if (!isLilyError(error, "PARAM_INVALID")) throw error;
      report(["params", name], error.message, { code: "PARAM_INVALID" });
    }
  }
}

function checkInputs(context: CheckContext): void {
  const inputs = Object.entries(context.document.inputs ?? {});
  for (const [first, second] of caseTwins(inputs.map(([name]) => name)))
    context.report(["inputs", second], `inputs ${first} and ${second} differ in case only`);
  for (const [name, input] of inputs) {
    if (input.file !== undefined) checkPath(context, input.file, ["inputs", name, "file"]);
    checkSchemaName(context, input.schema, ["inputs", name, "schema"]);
  }
}
