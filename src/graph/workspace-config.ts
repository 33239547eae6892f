/**
 * `lily.yaml`, the file of a workspace that people commit: which modules and schemas workflows may name, and the policy that every
 * workflow is held to beside its own. What this version would not act on is refused, never ignored: a list of approvers that nobody asks would be
 * a false promise. Format: docs/formats/workflow.md.
 */
import { z } from "zod";
import { caseTwins } from "../base/identifier.ts";
import { type JsonValue, isJsonObject } from "../base/json-value.ts";
import { relativePathProblem } from "../base/relative-path.ts";
import type { ProblemView } from "../contracts/run-view.ts";
import { checkPolicyTexts } from "./check-policy.ts";
import { parseLocated } from "./parse-located.ts";
import { ProblemList, type Report } from "./problem-list.ts";
import { reportIssues } from "./structure-problems.ts";
import { type WorkflowPolicy, workflowPolicySchema } from "./workflow-document.ts";

export interface WorkspaceConfig {
  readonly profile: "local";
  /** Module name to path, relative to the folder of lily.yaml. */
  readonly modules: Readonly<Record<string, string>>;
  /** Schema id to path, relative to the folder of lily.yaml. */
  readonly schemas: Readonly<Record<string, string>>;
  /** Packs in order: a folder (`./packs/tabular`, relative to lily.yaml) or the name of an installed package. */
  readonly packs: readonly string[];
  /** Joined to the policy of every workflow. */
  readonly policy: WorkflowPolicy;
}

export const workspaceConfigDefault: WorkspaceConfig = { profile: "local", modules: {}, schemas: {}, packs: [], policy: {} };

const pathText = z.string().min(1).max(1024);
const moduleName = z.string().regex(/^(?!.*\.\.)[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/, { error: "is not an identifier" });
const schemaName = z
  .string()
  .max(128)
  .regex(/^[a-z][a-z0-9_]*(?:\.[a-z][a-z0-9_]*)*\.v[1-9]\d{0,5}$/, { error: "is not a schema id of the form name.vN" });
const packsMax = 100;
const laterMembers = ["approvers", "trust"] as const;
const nothing = z.union([z.null(), z.array(z.never()).max(0), z.strictObject({})]).optional();

const configSchema = z.strictObject({
  profile: z.literal("local", { error: "this version has the profile local" }).optional(),
  modules: z.record(moduleName, pathText).nullable().optional(),
  schemas: z.record(schemaName, pathText).nullable().optional(),
  policy: workflowPolicySchema.nullable().optional(),
  packs: z.array(z.string().min(1).max(1024)).max(packsMax).nullable().optional(),
  approvers: nothing,
  trust: nothing,
});

/** Every problem with its line, code CONFIG_INVALID or the code of the parser; `config` is null when there is any. */
export function parseWorkspaceConfig(
  bytes: Uint8Array,
  fileName = "lily.yaml",
): { readonly config: WorkspaceConfig | null; readonly problems: readonly ProblemView[] } {
  const { document, problems } = parseLocated(bytes, fileName);
  if (document === null) {
    const views = problems.map(({ code, message, place }) => ({
      code,
      message,
      file: fileName,
      line: place?.line ?? null,
      column: place?.column ?? null,
      path: null,
      suggestion: null,
    }));
    return { config: null, problems: views };
  }
  const list = new ProblemList(fileName, document.locate, "CONFIG_INVALID");
  const parsed = configSchema.safeParse(document.value);
  if (!parsed.success) {
    reportLater(document.value, list.add);
    const rest = parsed.error.issues.filter((issue) => !laterMembers.some((member) => member === issue.path[0]));
    reportIssues(rest, document.value, knownMembers, list.add);
    return { config: null, problems: list.sorted() };
  }
  const { modules, schemas, policy, packs } = parsed.data;
  checkPaths("modules", modules ?? {}, list.add);
  checkPaths("schemas", schemas ?? {}, list.add);
  checkPacks(packs ?? [], list.add);
  checkPolicyTexts({ report: list.add }, policy ?? {}, ["policy"]);
  const found = list.sorted();
  if (found.length > 0) return { config: null, problems: found };
  return {
    config: { profile: "local", modules: withoutDots(modules ?? {}), schemas: withoutDots(schemas ?? {}), packs: packs ?? [], policy: policy ?? {} },
    problems: [],
  };
}

/** Objects with fixed members are the document itself, its policy and the policy's `write`. */
function knownMembers(path: readonly PropertyKey[]): readonly string[] {
  if (path.length === 0) return Object.keys(configSchema.shape).filter((member) => !laterMembers.some((later) => later === member));
  return path.length === 1 ? Object.keys(workflowPolicySchema.shape) : ["allow", "deny"];
}

function reportLater(value: JsonValue, report: Report): void {
  if (!isJsonObject(value)) return;
  for (const member of laterMembers) {
    if (Object.hasOwn(value, member) && !nothing.safeParse(value[member]).success)
      report([member], `${member} is not acted on by this version, so it is refused; remove it`);
  }
}

const packageName = /^(?:@[a-z0-9-][a-z0-9._-]*\/)?[a-z0-9-][a-z0-9._-]*$/;

/** A folder begins with `./` or `../`; anything else is the name of a package, as npm writes it. */
function checkPacks(packs: readonly string[], report: Report): void {
  packs.forEach((entry, index) => {
    const again = packs.indexOf(entry) < index;
    if (again) report(["packs", index], `${JSON.stringify(entry.slice(0, 200))} is listed twice`);
    if (isPackFolder(entry)) {
      const problem = relativePathProblem(entry.replace(/^(?:\.\.?\/)+/, ""));
      if (problem !== null) report(["packs", index], `path ${JSON.stringify(entry.slice(0, 200))} ${problem}`);
    } else if (!packageName.test(entry) || entry.length > 214) {
      report(["packs", index], `${JSON.stringify(entry.slice(0, 200))} is neither a folder, which begins with ./ or ../, nor the name of a package`);
    }
  });
}

export function isPackFolder(entry: string): boolean {
  return entry.startsWith("./") || entry.startsWith("../");
}

function checkPaths(member: string, paths: Readonly<Record<string, string>>, report: Report): void {
  for (const [first, second] of caseTwins(Object.keys(paths))) report([member, second], `names ${first} and ${second} differ in case only`);
  for (const [name, path] of Object.entries(paths)) {
    const problem = relativePathProblem(path.replace(/^\.\//, ""));
    if (problem !== null)
      report([member, name], `path ${JSON.stringify(path.slice(0, 200))} ${problem}; paths are relative to this file and stay inside its folder`);
  }
}

function withoutDots(paths: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(paths).map(([name, path]) => [name, path.replace(/^\.\//, "")]));
}

/** The text that `lily init` writes: valid as it stands, with each member explained. */
export function initialWorkspaceConfig(): string {
  return `# Lily's workspace file: commit it. The folder .lily/ beside it holds runs and artifacts and is not committed.
# What a run uses from here enters its plan by digest.

# How Lily is wired. local: files and an embedded database on this machine.
profile: local

# Modules that steps may name (module: weather.summarise). Paths are relative to this file and stay inside its folder.
modules: {}
#  weather.summarise: ./steps/summarise.ts

# JSON Schemas (2020-12) that outputs, inputs and gates may name. An id ends in .vN; a new meaning gets a new N.
schemas: {}
#  weather_table.v1: ./schemas/weather-table.json

# Packs: folders relative to this file, or installed packages (docs/howto/write-a-pack.md). A pack brings schemas, modules, executors,
# step and gate templates, routes and policies, all under names that begin with its own. Loaded packs enter every plan by digest.
packs: []
#  - ./packs/tabular
#  - lily-pack-tabular

# What runs may do at most. A workflow's own policy is joined to this one: what both allow is allowed, what either denies is denied.
policy:
  network: allow        # allow | deny (deny is enforced by the sandbox)
  sandbox: off          # off | prefer | require
  attempts_max: 10      # attempts of one step from every automatic cause together
#  tools: [node, git]   # programs that steps may run; without it, any
#  write: { allow: ["out/**"], deny: ["data/**"] }
`;
}
