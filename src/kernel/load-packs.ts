/** Finds the packs that lily.yaml names, reads them, and refuses what does not fit: other versions, clashes, missing files. */
import type { Digest } from "../base/digest.ts";
import { isJsonObject, type JsonObject } from "../base/json-value.ts";
import { isLilyError, LilyError } from "../base/lily-error.ts";
import { parseRelativePath } from "../base/relative-path.ts";
import { kernelVersion } from "../base/version.ts";
import type { SchemaRegistry } from "../artifacts/schema-registry.ts";
import type { PlanDocument } from "../contracts/plan-document.ts";
import type { ProblemView } from "../contracts/run-view.ts";
import type { PackCatalog } from "../graph/pack-catalog.ts";
import { namesOf, type NameOwner, packClashes } from "../graph/pack-clashes.ts";
import { packDigest, packFiles, type PackFile } from "../graph/pack-files.ts";
import { type PackManifest, packManifestBytesMax, packManifestNames, parsePackManifest } from "../graph/pack-manifest.ts";
import { versionProblem } from "../graph/pack-version.ts";
import { parseLocated } from "../graph/parse-located.ts";
import { isPackFolder } from "../graph/workspace-config.ts";
import type { FileTree, FileTrees } from "../ports/file-tree.ts";

const schemaBytesMax = 1024 * 1024;

/** A pack that was read whole and found sound by itself. */
export interface LoadedPack {
  readonly manifest: PackManifest;
  readonly digest: Digest;
  readonly files: readonly PackFile[];
  /** The pack's folder. */
  readonly tree: FileTree;
  /** Name of the manifest in that folder. */
  readonly manifestFile: string;
  /** As lily.yaml names it. */
  readonly entry: string;
  /** Schema id to document. */
  readonly schemas: ReadonlyMap<string, JsonObject>;
}

export interface PackFinder {
  readonly trees: FileTrees;
  /** Folders that no pack may see (S7). */
  readonly hidden: readonly string[];
  /** Names of built-in schemas, which no pack may have. */
  readonly reservedNames: readonly string[];
}

/** The packs of lily.yaml, in its order. Throws PACK_NOT_FOUND, PACK_INVALID, PACK_VERSION_UNSUPPORTED. */
export async function loadPacks(finder: PackFinder, entries: readonly string[], configDir: string): Promise<readonly LoadedPack[]> {
  const packs: LoadedPack[] = [];
  for (const entry of entries) packs.push(await loadPack(finder, await findPack(finder, entry, configDir), entry));
  return packs;
}

/** Folders are relative to lily.yaml; a package lies in the nearest `node_modules` that has it, from that folder upward. PACK_NOT_FOUND. */
export async function findPack(finder: PackFinder, entry: string, configDir: string): Promise<FileTree> {
  if (isPackFolder(entry)) {
    const tree = await openFolder(finder, `${configDir}/${entry}`);
    if (tree !== null) return tree;
    throw new LilyError("PACK_NOT_FOUND", `lily.yaml names the pack ${entry}, and there is no such folder in ${configDir}`, { details: { pack: entry } });
  }
  for (let dir = configDir; ; dir = dir.slice(0, dir.lastIndexOf("/"))) {
    const tree = await openFolder(finder, `${dir}/node_modules/${entry}`);
    if (tree !== null) return tree;
    if (dir === "" || dir === "/") break;
  }
  throw new LilyError(
    "PACK_NOT_FOUND",
    `lily.yaml names the pack ${entry}, and no node_modules from ${configDir} upward has it; install it with npm install ${entry}`,
    {
      details: { pack: entry },
    },
  );
}

async function openFolder({ trees, hidden }: PackFinder, path: string): Promise<FileTree | null> {
  try {
    return await trees.openTree(path, { hidden });
  } catch (thrown) {
    if (isLilyError(thrown, "INPUT_NOT_FOUND", "PATH_INVALID")) return null;
    throw thrown;
  }
}

async function loadPack(finder: PackFinder, tree: FileTree, entry: string): Promise<LoadedPack> {
  const { pack, problems } = await readPack(finder, tree, entry);
  if (pack !== null) {
    await requireVersion(pack);
    return pack;
  }
  const lines = problems.slice(0, 20).map(({ file, line, message }) => `${file ?? tree.root}${line === null ? "" : `:${line}`}: ${message}`);
  throw new LilyError("PACK_INVALID", `the pack ${entry} in ${tree.root} cannot be loaded:\n${lines.join("\n")}`, {
    details: { pack: entry, problems: lines },
  });
}

export interface ReadPack {
  /** Null when there is any problem. */
  readonly pack: LoadedPack | null;
  readonly problems: readonly ProblemView[];
}

/** Reads a pack and finds every problem of it by itself. Never throws for what the pack holds. */
export async function readPack(finder: PackFinder, tree: FileTree, entry: string): Promise<ReadPack> {
  try {
    return await read(finder, tree, entry);
  } catch (thrown) {
    if (!isLilyError(thrown, "PACK_INVALID", "PACK_NOT_FOUND", "INPUT_NOT_FOUND", "INPUT_TOO_LARGE", "PATH_INVALID")) throw thrown;
    return { pack: null, problems: [problem(thrown.code === "PACK_NOT_FOUND" ? thrown.code : "PACK_INVALID", thrown.message, null)] };
  }
}

async function read(finder: PackFinder, tree: FileTree, entry: string): Promise<ReadPack> {
  const manifestFile = await manifestName(tree);
  const bytes = await tree.read(parseRelativePath(manifestFile), packManifestBytesMax);
  const { manifest, problems } = await parsePackManifest(bytes, manifestFile, finder.reservedNames);
  const files = await packFiles(tree);
  if (manifest === null) return { pack: null, problems };
  const schemas = new Map<string, JsonObject>();
  const located = parseLocated(bytes, manifestFile).document;
  const found: ProblemView[] = [];
  const report = (path: readonly PropertyKey[], message: string): void => {
    const place = located?.locate(path) ?? null;
    found.push({ ...problem("PACK_INVALID", `${path.join(".")}: ${message}`, manifestFile), line: place?.line ?? null, column: place?.column ?? null });
  };
  const known = new Set<string>(files.map((file) => file.path));
  for (const [name, path] of Object.entries(manifest.modules)) if (!known.has(path)) report(["modules", name], `there is no file ${path} in the pack`);
  for (const [id, path] of Object.entries(manifest.schemas)) {
    const document = known.has(path) ? await readSchema(tree, path) : `there is no file ${path} in the pack`;
    if (typeof document === "string") report(["schemas", id], document);
    else schemas.set(id, document);
  }
  if (found.length > 0) return { pack: null, problems: found };
  return { pack: { manifest, digest: packDigest(files), files, tree, manifestFile, entry, schemas }, problems: [] };
}

async function manifestName(tree: FileTree): Promise<string> {
  const there: string[] = [];
  for (const name of packManifestNames) if ((await tree.stat(parseRelativePath(name)))?.kind === "file") there.push(name);
  const [first, second] = there;
  if (first === undefined)
    throw new LilyError("PACK_NOT_FOUND", `${tree.root} holds no ${packManifestNames.join(" and no ")}, so it is no pack`, { details: { dir: tree.root } });
  if (second !== undefined)
    throw new LilyError("PACK_INVALID", `${tree.root} holds both ${first} and ${second}; a pack has one manifest`, { details: { dir: tree.root } });
  return first;
}

/** The document, or why it is none. */
async function readSchema(tree: FileTree, path: string): Promise<JsonObject | string> {
  const { document, problems } = parseLocated(await tree.read(parseRelativePath(path), schemaBytesMax), path);
  if (document === null) return `${path} is not JSON: ${problems[0]?.message ?? ""}`;
  return isJsonObject(document.value) ? document.value : `${path} is not a JSON object`;
}

/** Throws PACK_VERSION_UNSUPPORTED. */
async function requireVersion({ manifest, tree }: LoadedPack): Promise<void> {
  const why = await versionProblem(manifest, kernelVersion);
  if (why !== null)
    throw new LilyError("PACK_VERSION_UNSUPPORTED", `the pack ${manifest.pack} ${manifest.version} in ${tree.root} ${why}`, {
      details: { pack: manifest.pack },
    });
}

/** Throws PACK_CLASH that names every clash with both sides. */
export function refuseClashes(packs: readonly LoadedPack[], workspace: NameOwner, kernel: NameOwner): void {
  const owners: NameOwner[] = packs.map(({ manifest, tree, manifestFile }) => ({
    title: `pack ${manifest.pack}`,
    file: `${tree.root}/${manifestFile}`,
    names: namesOf(manifest),
  }));
  const clashes = packClashes([kernel, workspace, ...owners]);
  if (clashes.length === 0) return;
  const lines = clashes.slice(0, 20).map((clash) => clash.message);
  throw new LilyError("PACK_CLASH", lines.join("\n"), { details: { clashes: lines } });
}

/** Registers what the packs bring. Throws SCHEMA_INVALID, SCHEMA_DUPLICATE. */
export function registerPackSchemas(registry: SchemaRegistry, packs: readonly LoadedPack[]): void {
  for (const { schemas } of packs) for (const [id, jsonSchema] of schemas) registry.register(id, { jsonSchema }, "pack");
}

/** What the packs bring to workflow documents, together. */
export function catalogOf(packs: readonly LoadedPack[]): PackCatalog {
  const manifests = packs.map((pack) => pack.manifest);
  return {
    modules: new Set(manifests.flatMap((manifest) => Object.keys(manifest.modules))),
    executors: new Map(manifests.flatMap((manifest) => Object.entries(manifest.executors))),
    stepTemplates: new Map(manifests.flatMap((manifest) => Object.entries(manifest.stepTemplates))),
    gateTemplates: new Map(manifests.flatMap((manifest) => Object.entries(manifest.gateTemplates))),
    routes: manifests.flatMap((manifest) => manifest.routes),
  };
}

/** Packs are bound like code: a run goes on with those that its plan names and no others. Throws WORKFLOW_DRIFT. */
export function requirePacks(packs: readonly LoadedPack[], bound: PlanDocument["packs"]): void {
  const before = new Map((bound ?? []).map((pack) => [pack.name, pack]));
  const now = new Map(packs.map(({ manifest, digest }) => [manifest.pack, { version: manifest.version, digest }]));
  for (const name of new Set([...before.keys(), ...now.keys()])) {
    const [planned, loaded] = [before.get(name), now.get(name)];
    if (planned?.digest === loaded?.digest && planned?.version === loaded?.version) continue;
    const was = planned === undefined ? "was not loaded" : `was ${planned.version} ${planned.digest}`;
    const is = loaded === undefined ? "is not loaded" : `is ${loaded.version} ${loaded.digest}`;
    throw new LilyError("WORKFLOW_DRIFT", `pack ${name} ${was} when the run was planned, and ${is} now`, { details: { pack: name } });
  }
}

function problem(code: string, message: string, file: string | null): ProblemView {
  return { code, message, file, line: null, column: null, path: null, suggestion: null };
}
