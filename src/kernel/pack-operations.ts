/** What packs a workspace has, and whether a pack is sound: every problem with its place, for whoever writes packs. */
import { isLilyError, LilyError } from "../base/lily-error.ts";
import { parseRelativePath } from "../base/relative-path.ts";
import { kernelVersion } from "../base/version.ts";
import { createSchemaRegistry } from "../artifacts/schema-registry.ts";
import type { ProblemView } from "../contracts/run-view.ts";
import { versionProblem } from "../graph/pack-version.ts";
import { parseLocated } from "../graph/parse-located.ts";
import { pathText } from "../graph/problem-list.ts";
import type { FileTree } from "../ports/file-tree.ts";
import type { KernelCore } from "./core.ts";
import { findPack, type LoadedPack, readPack } from "./load-packs.ts";
import type { PackRow, Packs } from "./pack-views.ts";
import { findConfig, loadConfiguration, packFinder } from "./workflow-source.ts";

export function packOperations(core: KernelCore): Packs {
  return {
    list: async () => (await loadConfiguration(core, null)).packs.map(rowOf),
    check: (folder) => (folder === null ? checkWorkspace(core) : checkFolder(core, folder)),
  };
}

export function rowOf({ manifest, digest, tree, entry, files }: LoadedPack): PackRow {
  return {
    name: manifest.pack,
    version: manifest.version,
    title: manifest.title,
    digest,
    dir: tree.root,
    entry,
    kernel: manifest.kernel,
    files: files.length,
    brings: {
      schemas: Object.keys(manifest.schemas),
      modules: Object.keys(manifest.modules),
      executors: Object.keys(manifest.executors),
      step_templates: Object.keys(manifest.stepTemplates),
      gate_templates: Object.keys(manifest.gateTemplates),
      routes: manifest.routes.map((route) => route.id),
      policy: manifest.policy !== null,
    },
  };
}

/** Each pack by itself, and then all of them together. */
async function checkWorkspace(core: KernelCore): Promise<readonly ProblemView[]> {
  const { config, tree } = await findConfig(core, null);
  const problems: ProblemView[] = [];
  const finder = finderOf(core);
  for (const entry of config.packs) {
    try {
      problems.push(...(await checkPack(core, await findPack(finder, entry, tree.root), entry)));
    } catch (thrown) {
      if (!isLilyError(thrown, "PACK_NOT_FOUND")) throw thrown;
      problems.push(problemOf(thrown.code, thrown.message, null));
    }
  }
  if (problems.length > 0) return problems;
  try {
    await loadConfiguration(core, null);
    return [];
  } catch (thrown) {
    if (!isLilyError(thrown, "PACK_CLASH", "SCHEMA_DUPLICATE", "SCHEMA_INVALID", "PACK_INVALID")) throw thrown;
    // A clash a line.
    return thrown.message.split("\n").map((line) => problemOf(thrown.code, line, null));
  }
}

async function checkFolder(core: KernelCore, folder: string): Promise<readonly ProblemView[]> {
  let tree: FileTree;
  try {
    tree = await core.parts.trees.openTree(folder, { hidden: [core.parts.workspaceDir] });
  } catch (thrown) {
    if (!isLilyError(thrown, "INPUT_NOT_FOUND")) throw thrown;
    throw new LilyError("PACK_NOT_FOUND", `there is no folder ${folder}`, { cause: thrown, details: { folder } });
  }
  return checkPack(core, tree, folder);
}

async function checkPack(core: KernelCore, tree: FileTree, entry: string): Promise<readonly ProblemView[]> {
  const { pack, problems } = await readPack(finderOf(core), tree, entry);
  if (pack === null) return problems.map((problem) => within(problem, tree));
  const found: ProblemView[] = [];
  const located = parseLocated(await tree.read(parseRelativePath(pack.manifestFile), 1024 * 1024), pack.manifestFile).document;
  const report = (code: string, path: readonly PropertyKey[], message: string): void => {
    const place = located?.locate(path) ?? null;
    const text = `${pathText(path)}: ${message}`;
    found.push(within({ ...problemOf(code, text, pack.manifestFile), line: place?.line ?? null, column: place?.column ?? null, path: pathText(path) }, tree));
  };
  const version = await versionProblem(pack.manifest, kernelVersion);
  if (version !== null) report("PACK_VERSION_UNSUPPORTED", ["kernel"], `the pack ${version}`);
  await checkSchemas(pack, report);
  await checkModules(core, pack, report);
  return found;
}

type Report = (code: string, path: readonly PropertyKey[], message: string) => void;

async function checkSchemas({ schemas }: LoadedPack, report: Report): Promise<void> {
  const registry = createSchemaRegistry();
  const registered: string[] = [];
  for (const [id, jsonSchema] of schemas) {
    try {
      registry.register(id, { jsonSchema }, "pack");
      registered.push(id);
    } catch (thrown) {
      if (!isLilyError(thrown)) throw thrown;
      report(thrown.code, ["schemas", id], thrown.message);
    }
  }
  for (const id of registered) {
    try {
      await registry.compile(id);
    } catch (thrown) {
      if (!isLilyError(thrown)) throw thrown;
      report(thrown.code, ["schemas", id], thrown.message);
    }
  }
}

async function checkModules(core: KernelCore, { manifest, files, tree }: LoadedPack, report: Report): Promise<void> {
  for (const [name, path] of Object.entries(manifest.modules)) {
    const digest = files.find((file) => file.path === path)?.digest;
    if (digest === undefined) continue;
    try {
      await core.parts.modules.loadIsolated(name, `${tree.root}/${path}`, digest);
    } catch (thrown) {
      if (!isLilyError(thrown)) throw thrown;
      report(thrown.code, ["modules", name], thrown.message);
    }
  }
}

function finderOf(core: KernelCore): ReturnType<typeof packFinder> {
  return packFinder(
    core,
    createSchemaRegistry()
      .list()
      .map((schema) => schema.schema_id),
  );
}

/** Two packs have a manifest of the same name, so its folder is told. */
function within(problem: ProblemView, tree: FileTree): ProblemView {
  return { ...problem, file: problem.file === null ? tree.root : `${tree.root}/${problem.file}` };
}

function problemOf(code: string, message: string, file: string | null): ProblemView {
  return { code, message, file, line: null, column: null, path: null, suggestion: null };
}
