/**
 * What a plan binds: the digest of every file of code that its steps name. Bound are argv items that name regular files (after
 * parameters were put in), everything that `uses` matches, and module files. Not bound are files that a step writes or that an input
 * names: those change by design and are digested when they are taken.
 */
import { type Digest, streamHasher } from "../base/digest.ts";
import { isLilyError, LilyError } from "../base/lily-error.ts";
import { parseRelativePath, type RelativePath, relativePathProblem } from "../base/relative-path.ts";
import type { PlanCode, PlanDocument, PlanGate, PlanInput, PlanModule, PlanStep } from "../contracts/plan-document.ts";
import type { ProblemView } from "../contracts/run-view.ts";
import type { FileTree } from "../ports/file-tree.ts";

const filesMax = 100_000;
const pieceBytes = 65_536;

export interface CodeNames {
  readonly steps: readonly PlanStep[];
  readonly gates: readonly PlanGate[];
  readonly inputs: Readonly<Record<string, PlanInput>>;
  /** Every `uses` glob, once, sorted. */
  readonly uses: readonly string[];
  /** Module files that lie in `tree`. */
  readonly modulePaths: readonly string[];
  /** Puts parameters into an argv item; null when it refers to what is not known before the run. */
  readonly itemText: (item: string) => string | null;
}

/** Each file once, sorted by path. Throws WORKFLOW_INVALID for a `uses` entry without glob characters that names no file. */
export async function bindCode(names: CodeNames, tree: FileTree): Promise<readonly PlanCode[]> {
  const paths = new Set<string>();
  for (const item of argvItems(names)) {
    const path = pathOfItem(names.itemText(item));
    if (path !== null && !paths.has(path) && (await isFile(tree, path))) paths.add(path);
  }
  for (const path of await usedFiles(names.uses, tree)) paths.add(path);
  for (const path of await writtenFiles(names, tree)) paths.delete(path);
  for (const path of names.modulePaths) paths.add(path);
  const code: PlanCode[] = [];
  for (const path of [...paths].sort()) code.push({ path, digest: await digestFile(tree, parseRelativePath(path)) });
  return code;
}

/**
 * The files of `code` that one step and its gates depend on, sorted: what its own argv items and `uses` name. `modulePaths` are the files
 * of the modules that it and its gates name, where they lie in `tree`.
 */
export async function codeOfStep(
  step: PlanStep,
  uses: readonly string[],
  modulePaths: readonly string[],
  code: readonly PlanCode[],
  itemText: CodeNames["itemText"],
  tree: FileTree,
): Promise<readonly string[]> {
  const bound = new Set<string>(code.map((file) => file.path));
  const named = [...argvItems({ steps: [step], gates: [] })].map((item) => pathOfItem(itemText(item)));
  const paths = new Set<string>([...named.filter((path) => path !== null), ...(await usedFiles(uses, tree)), ...modulePaths]);
  return [...paths].filter((path) => bound.has(path)).sort();
}

/** What changed since the plan was made: each problem names the file, the digest that the plan binds and the one seen. */
export async function verifyPlanCode(plan: PlanDocument, tree: FileTree, moduleTree: FileTree = tree): Promise<readonly ProblemView[]> {
  const problems: ProblemView[] = [];
  for (const { path, digest } of plan.code) await compare(problems, "file", path, digest, tree);
  const listed = new Set(plan.code.map((file) => file.path));
  // A module of a pack is bound by the digest of its pack, which whoever loads packs compares.
  for (const { name, path, digest } of plan.modules.filter((module) => module.pack === undefined))
    if (moduleTree !== tree || !listed.has(path)) await compare(problems, `module ${name}`, path, digest, moduleTree);
  return [...problems, ...(await addedFiles(plan, tree))];
}

async function compare(problems: ProblemView[], what: string, path: string, bound: Digest, tree: FileTree): Promise<void> {
  const seen = await digestIfThere(tree, path);
  if (seen === bound) return;
  const state = seen === null ? "is missing or no longer a regular file" : `is now ${seen}`;
  problems.push(drift(path, `${what} ${path} changed after planning: the plan binds ${bound}, it ${state}`));
}

/** A new file that a `uses` glob matches is code which the plan has not seen. */
async function addedFiles(plan: PlanDocument, tree: FileTree): Promise<readonly ProblemView[]> {
  const uses = plan.uses ?? [];
  if (uses.length === 0) return [];
  const known = new Set<string>(plan.code.map((file) => file.path));
  const matched = await usedFiles(uses, tree);
  if (matched.every((path) => known.has(path))) return [];
  const written = await writtenFiles(plan, tree);
  const added = matched.filter((path) => !known.has(path) && !written.has(path));
  return added.map((path) => drift(path, `file ${path} appeared after planning and is matched by uses; the plan binds nothing for it`));
}

function drift(path: string, message: string): ProblemView {
  return { code: "WORKFLOW_DRIFT", message, file: path, line: null, column: null, path: null, suggestion: null };
}

async function usedFiles(uses: readonly string[], tree: FileTree): Promise<readonly RelativePath[]> {
  const globs: string[] = [];
  const paths: RelativePath[] = [];
  for (const entry of uses) {
    if (hasGlobCharacters(entry)) globs.push(entry);
    else paths.push(await namedFile(entry, tree));
  }
  if (globs.length > 0) for (const entry of await tree.glob(globs, filesMax)) if (entry.kind === "file") paths.push(entry.path);
  return paths;
}

async function namedFile(entry: string, tree: FileTree): Promise<RelativePath> {
  const path = parseRelativePath(withoutDot(entry));
  if (await isFile(tree, path)) return path;
  throw new LilyError("WORKFLOW_INVALID", `uses names ${entry}, which is no regular file in the workflow's folder`, { details: { path } });
}

/** Files that declared outputs name now, from an earlier run, and files of inputs. */
async function writtenFiles(names: Pick<CodeNames, "steps" | "inputs">, tree: FileTree): Promise<ReadonlySet<string>> {
  const written = new Set<string>();
  const globs = new Set<string>();
  for (const input of Object.values(names.inputs)) if (input.file !== null) written.add(withoutDot(input.file));
  for (const step of names.steps) {
    for (const output of Object.values(step.outputs)) {
      if (output.path !== null) written.add(withoutDot(output.path));
      if (output.glob !== null) globs.add(output.glob);
    }
  }
  if (globs.size > 0) for (const entry of await tree.glob([...globs], filesMax)) written.add(entry.path);
  return written;
}

function argvItems(names: Pick<CodeNames, "steps" | "gates">): ReadonlySet<string> {
  const items = new Set<string>();
  const gate = ({ check }: PlanGate) => {
    if (check.kind === "command") for (const item of check.argv) items.add(item);
  };
  for (const step of names.steps) {
    if (step.executor.kind === "process") for (const item of step.executor.argv) items.add(item);
    step.gates.forEach(gate);
  }
  names.gates.forEach(gate);
  return items;
}

function pathOfItem(text: string | null): RelativePath | null {
  if (text === null) return null;
  const path = withoutDot(text);
  return relativePathProblem(path) === null ? parseRelativePath(path) : null;
}

/** Digest of a regular file, streamed. Errors of the tree pass through. */
export async function digestFile(tree: FileTree, path: RelativePath): Promise<Digest> {
  const source = await tree.open(path);
  try {
    const hasher = streamHasher();
    const piece = new Uint8Array(pieceBytes);
    for (let count = await source.read(piece); count > 0; count = await source.read(piece)) hasher.update(piece.subarray(0, count));
    return hasher.digest();
  } finally {
    await source.close();
  }
}

/** A module file with its digest. Throws MODULE_NOT_FOUND. */
export async function bindModule(name: string, path: string, tree: FileTree): Promise<PlanModule> {
  const relative = withoutDot(path);
  const digest = relativePathProblem(relative) === null ? await digestIfThere(tree, relative) : null;
  if (digest === null) {
    throw new LilyError("MODULE_NOT_FOUND", `module ${name}: ${path} is no regular file inside ${tree.root}`, { details: { module: name, path } });
  }
  return { name, path: relative, digest };
}

async function digestIfThere(tree: FileTree, path: string): Promise<Digest | null> {
  try {
    return await digestFile(tree, parseRelativePath(path));
  } catch (error) {
    if (isLilyError(error, "INPUT_NOT_FOUND", "PATH_INVALID")) return null;
    throw error;
  }
}

/** What is no file, or lies behind a link, is not code that can be bound. */
async function isFile(tree: FileTree, path: RelativePath): Promise<boolean> {
  try {
    return (await tree.stat(path))?.kind === "file";
  } catch (error) {
    if (isLilyError(error, "INPUT_NOT_FOUND", "PATH_INVALID")) return false;
    throw error;
  }
}

export function hasGlobCharacters(text: string): boolean {
  return /[*?[\]{}()!+@]/.test(text);
}

/** `./steps/a.mjs` names the same file as `steps/a.mjs`. */
export function withoutDot(path: string): string {
  return path.startsWith("./") ? path.slice(2) : path;
}
