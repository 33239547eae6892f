/** From what a caller names to a checked document with its folder, the workspace configuration and the schemas that apply. */
import type { Digest } from "../base/digest.ts";
import { isJsonObject, type JsonValue } from "../base/json-value.ts";
import { isLilyError, LilyError } from "../base/lily-error.ts";
import { parseJson } from "../base/parse-json.ts";
import { parseRelativePath } from "../base/relative-path.ts";
import { createSchemaRegistry, type SchemaRegistry } from "../artifacts/schema-registry.ts";
import { problemText } from "../artifacts/validate-payload.ts";
import type { ProblemView } from "../contracts/run-view.ts";
import type { SandboxFacts } from "../graph/check-sandbox.ts";
import { invalidConfig } from "./invalid-config.ts";
import { checkWorkflow } from "../graph/check-workflow.ts";
import { type CompiledPlan, compilePlan } from "../graph/compile-plan.ts";
import type { PolicyLayer } from "../graph/compose-policy.ts";
import { parseWorkspaceConfig, type WorkspaceConfig, workspaceConfigDefault } from "../graph/workspace-config.ts";
import { parseLocated } from "../graph/parse-located.ts";
import type { WorkflowDocument } from "../graph/workflow-document.ts";
import { writePlaces } from "../judge/write-places.ts";
import type { FileTree } from "../ports/file-tree.ts";
import type { SchemaChecker } from "../runtime/run-context.ts";
import type { KernelCore } from "./core.ts";
import { catalogOf, type LoadedPack, loadPacks, type PackFinder, refuseClashes, registerPackSchemas } from "./load-packs.ts";
import type { WorkflowSource } from "./kernel.ts";

const workflowBytesMax = 16 * 1024 * 1024;
const configBytesMax = 1024 * 1024;
const schemaBytesMax = 1024 * 1024;
export const configFileName = "lily.yaml";

/** lily.yaml as it applies: beside the workflow, else beside the workspace, else empty. */
export interface Configuration {
  readonly config: WorkspaceConfig;
  readonly dir: string;
  readonly tree: FileTree;
  readonly registry: SchemaRegistry;
  /** In the order of lily.yaml. */
  readonly packs: readonly LoadedPack[];
  /** Null when there is no lily.yaml. */
  readonly file: string | null;
}

export interface LoadedWorkflow {
  readonly problems: readonly ProblemView[];
  readonly document: WorkflowDocument | null;
  readonly tree: FileTree;
  readonly dir: string;
  readonly configuration: Configuration;
}

export interface CheckScope {
  /** Whether it is to run on this machine as it is: then a sandbox that is demanded and not there is a problem of the document. */
  readonly here?: boolean;
}

/** Reads and checks. Problems are values; what cannot be read at all is an exception (INPUT_NOT_FOUND, CONFIG_INVALID, SCHEMA_INVALID). */
export async function loadWorkflow(core: KernelCore, source: WorkflowSource, scope: CheckScope = {}): Promise<LoadedWorkflow> {
  const dir = sourceDirOf(core, source);
  const tree = await openSourceTree(core, dir);
  const configuration = await loadConfiguration(core, tree);
  const { config, registry } = configuration;
  const fileName = "file" in source ? baseOf(source.file) : "workflow";
  const content: Uint8Array | JsonValue = "file" in source ? await readWorkflow(tree, fileName) : "document" in source ? source.document : jsonOf(source);
  const { problems, document } = await checkWorkflow(content, {
    fileName,
    folder: tree.root,
    modules: Object.keys(config.modules),
    schemas: registry.list().map((schema) => schema.schema_id),
    packs: catalogOf(configuration.packs),
    policyLayers: policyLayers(configuration),
    sandbox: sandboxFacts(core, scope),
  });
  return { problems, document, tree, dir, configuration };
}

function sandboxFacts({ parts: { processes } }: KernelCore, { here }: CheckScope): SandboxFacts {
  const unheld: SandboxFacts["unheld"] = (rule) => writePlaces(rule).inexact;
  if (here !== true) return { unheld };
  return {
    unheld,
    unavailable: async () => {
      const { name, reason } = await processes.sandbox();
      return name === null ? (reason ?? "unknown") : null;
    },
  };
}

function sourceDirOf(core: KernelCore, source: WorkflowSource): string {
  if ("file" in source) return dirOf(source.file);
  const dir = "document" in source ? source.dir : core.parts.defaultSourceDir;
  if (dir !== undefined) return dir;
  throw new LilyError("USAGE_INVALID", "this kernel has no default folder; give { document, dir }, so that the paths of the workflow mean something");
}

/** Members that are undefined are not there, as for whoever writes the document as JSON. */
function jsonOf(document: WorkflowDocument): JsonValue {
  return parseJson(new TextEncoder().encode(JSON.stringify(document)));
}

/** What is there but is no plain file is told as that: the name itself is a path like any other. */
async function readWorkflow(tree: FileTree, fileName: string): Promise<Uint8Array> {
  const path = parseRelativePath(fileName);
  const kind = (await tree.stat(path))?.kind ?? "file";
  if (kind === "file") return tree.read(path, workflowBytesMax);
  const what = kind === "directory" ? "a folder" : kind === "link" ? "a link, and links are not followed" : "a special file";
  throw new LilyError("INPUT_NOT_FOUND", `${tree.root}/${fileName} is ${what}; a workflow is a plain file of YAML or JSON`, { details: { path: fileName } });
}

/** Throws WORKFLOW_INVALID that names every problem, POLICY_VIOLATION when the policy forbids each of them and nothing else is wrong. */
export async function compileLoaded(loaded: LoadedWorkflow, params: Readonly<Record<string, JsonValue>>): Promise<CompiledPlan> {
  if (loaded.document === null) throw invalidWorkflow(loaded.problems);
  const { config, registry, packs, tree: moduleTree } = loaded.configuration;
  const schemas: Record<string, Digest> = {};
  for (const schema of registry.list()) schemas[schema.schema_id] = schema.digest;
  return compilePlan({
    document: loaded.document,
    params,
    tree: loaded.tree,
    modules: config.modules,
    ...(moduleTree === loaded.tree ? {} : { moduleTree }),
    packs: packs.map(({ manifest, digest, tree }) => ({ name: manifest.pack, version: manifest.version, digest, tree, modules: manifest.modules })),
    schemas,
    policyLayers: policyLayers(loaded.configuration),
  });
}

function invalidWorkflow(problems: readonly ProblemView[]): LilyError {
  const lines = problems.slice(0, 20).map((problem) => {
    const place = [problem.file, problem.line, problem.column].filter((part) => part !== null).join(":");
    return problem.line === null ? problem.message : `${place}  ${problem.message}`;
  });
  const more = problems.length > lines.length ? `\n... and ${problems.length - lines.length} more` : "";
  // What the policy refuses is refused with its code, whether a document says it or a plan.
  const code = problems.length > 0 && problems.every((problem) => problem.code === "POLICY_VIOLATION") ? "POLICY_VIOLATION" : "WORKFLOW_INVALID";
  return new LilyError(code, `the workflow has ${problems.length} problem${problems.length === 1 ? "" : "s"}:\n${lines.join("\n")}${more}`, {
    details: { problems: lines },
  });
}

/** The folder of a workflow, without the workspace (S7). */
export async function openSourceTree(core: KernelCore, dir: string): Promise<FileTree> {
  return core.parts.trees.openTree(dir, { hidden: [core.parts.workspaceDir] });
}

export async function loadConfiguration(core: KernelCore, workflowTree: FileTree | null): Promise<Configuration> {
  const { written, tree } = await findConfig(core, workflowTree);
  return configurationOf(core, written, tree);
}

export interface FoundConfig {
  readonly config: WorkspaceConfig;
  /** Null when there is no lily.yaml. */
  readonly written: WorkspaceConfig | null;
  /** The folder of lily.yaml, or where it would be. */
  readonly tree: FileTree;
}

/** lily.yaml alone; what it names is not read. CONFIG_INVALID. */
export async function findConfig(core: KernelCore, workflowTree: FileTree | null): Promise<FoundConfig> {
  const own = workflowTree === null ? null : await readConfig(workflowTree);
  if (own !== null && workflowTree !== null) return { config: own, written: own, tree: workflowTree };
  const { homeDir } = core.parts;
  const tree = workflowTree?.root === homeDir ? workflowTree : await openSourceTree(core, homeDir);
  const shared = await readConfig(tree);
  return { config: shared ?? workspaceConfigDefault, written: shared, tree };
}

async function configurationOf(core: KernelCore, config: WorkspaceConfig | null, tree: FileTree): Promise<Configuration> {
  const registry = createSchemaRegistry();
  const packs = config === null ? [] : await workspacePacks(core, registry, config, tree);
  for (const [id, path] of Object.entries(config?.schemas ?? {})) await registerFile(registry, tree, id, path);
  return { config: config ?? workspaceConfigDefault, dir: tree.root, tree, registry, packs, file: config === null ? null : `${tree.root}/${configFileName}` };
}

/** What holds besides the workflow's own policy: that of each pack, and that of the workspace. */
function policyLayers({ config, packs }: Pick<Configuration, "config" | "packs">): readonly PolicyLayer[] {
  const brought = packs.flatMap(({ manifest }) => (manifest.policy === null ? [] : [{ origin: `pack ${manifest.pack}`, policy: manifest.policy }]));
  return [...brought, { origin: configFileName, policy: config.policy }];
}

/** The packs of lily.yaml, without clashes, their schemas registered. */
async function workspacePacks(core: KernelCore, registry: SchemaRegistry, config: WorkspaceConfig, tree: FileTree): Promise<readonly LoadedPack[]> {
  if (config.packs.length === 0) return [];
  const builtin = registry.list().map((schema) => schema.schema_id);
  const packs = await loadPacks(packFinder(core, builtin), config.packs, tree.root);
  const own = { schema: Object.keys(config.schemas), module: Object.keys(config.modules) };
  refuseClashes(
    packs,
    { title: configFileName, file: `${tree.root}/${configFileName}`, names: own },
    { title: "Lily", file: null, names: { schema: builtin } },
  );
  registerPackSchemas(registry, packs);
  return packs;
}

/** `builtinSchemas` are schema ids of Lily itself: their names are no names of packs. */
export function packFinder(core: KernelCore, builtinSchemas: readonly string[]): PackFinder {
  const reservedNames = builtinSchemas.map((id) => id.slice(0, id.lastIndexOf(".v")));
  return { trees: core.parts.trees, hidden: [core.parts.workspaceDir], reservedNames };
}

async function readConfig(tree: FileTree): Promise<WorkspaceConfig | null> {
  const path = parseRelativePath(configFileName);
  if ((await tree.stat(path)) === null) return null;
  const { config, problems } = parseWorkspaceConfig(await tree.read(path, configBytesMax), configFileName);
  if (config !== null) return config;
  throw invalidConfig(`${tree.root}/${configFileName}`, problems);
}

async function registerFile(registry: SchemaRegistry, tree: FileTree, id: string, path: string): Promise<void> {
  const bytes = await readSchemaFile(tree, id, path);
  const { document } = parseLocated(bytes, path);
  if (document === null || !isJsonObject(document.value))
    throw new LilyError("SCHEMA_INVALID", `schema ${id}: ${path} is not a JSON object`, { details: { schema_id: id, path } });
  registry.register(id, { jsonSchema: document.value }, "workspace");
}

async function readSchemaFile(tree: FileTree, id: string, path: string): Promise<Uint8Array> {
  try {
    return await tree.read(parseRelativePath(path.startsWith("./") ? path.slice(2) : path), schemaBytesMax);
  } catch (thrown) {
    if (!isLilyError(thrown, "INPUT_NOT_FOUND")) throw thrown;
    throw new LilyError("INPUT_NOT_FOUND", `schema ${id} of ${configFileName}: there is no file ${path} in ${tree.root}`, {
      cause: thrown,
      details: { schema_id: id, path },
    });
  }
}

/** The registry as the runner asks it. */
export function schemaChecker(registry: SchemaRegistry): SchemaChecker {
  return {
    problems: async (schemaId, value) => (await registry.validate(schemaId, value)).map((problem) => problemText([problem])),
  };
}

export function dirOf(file: string): string {
  const slash = file.lastIndexOf("/");
  return slash <= 0 ? "/" : file.slice(0, slash);
}

export function baseOf(file: string): string {
  return file.slice(file.lastIndexOf("/") + 1);
}
