/** What an attempt may do, as the mounts of a sandbox. */
import { parseRelativePath } from "../base/relative-path.ts";
import { isLilyError } from "../base/lily-error.ts";
import { type WritePlaces, writePlaces } from "../judge/write-places.ts";
import type { FileTree, TreeEntry } from "../ports/file-tree.ts";
import type { SandboxSpec } from "../ports/process-runner.ts";
import { isInside } from "./is-inside.ts";
import type { RunContext } from "./run-context.ts";
import type { ArtifactForm } from "./step-references.ts";

/** Existing paths that a glob of write.deny may name. */
const deniedMax = 1_000;

export interface BuiltSandbox {
  readonly spec: SandboxSpec;
  /** Null when the mounts say exactly what the rule about writes says; else what they do not say. */
  readonly inexact: string | null;
}

export interface SandboxRequest {
  /** Where the command works. */
  readonly cwd: string;
  /** The folder as a tree. */
  readonly tree: FileTree;
  /** The executable that starts. */
  readonly tool: string;
  /** Executables that may start; null allows all. */
  readonly tools: readonly string[] | null;
  /** Paths that are handed to the command. */
  readonly handed: readonly string[];
}

/**
 * A command of its own folder (`workdir: isolated`) sees the workflow's folder empty: then it can read nothing of the project but what it
 * is given. Any other sees that folder as it is. The workspace and the keys are never seen, but for what is handed over.
 */
export async function buildSandbox(run: RunContext, request: SandboxRequest): Promise<BuiltSandbox> {
  const { cwd, tool, tools, handed } = request;
  const { policy } = run.plan;
  const { workspaceDir, hiddenFolders } = run.deps;
  const hidden = [workspaceDir, ...hiddenFolders, ...(isInside(cwd, workspaceDir) ? [run.sourceDir] : [])];
  // The innermost counts: a workspace in the folder of work is hidden there too, and a folder of work in the workspace is seen.
  const isHidden = (path: string): boolean => innermost(path, hidden) > innermost(path, [cwd]);
  const places = policy.write === null ? null : await findPlaces(run, request, writePlaces(policy.write));
  const writable = places?.writable ?? [cwd];
  // Where only a part of the folder of work may be written, the rest of it is there to be read, also in a hidden folder.
  const seen = isInside(cwd, workspaceDir) && !writable.includes(cwd) ? [cwd] : [];
  const spec: SandboxSpec = {
    writable,
    readOnly: places?.readOnly ?? [],
    hidden,
    shown: [...new Set([...seen, ...[...handed, tool].filter(isHidden)])],
    network: policy.network,
    tools,
  };
  return { spec, inexact: places?.inexact ?? null };
}

/** Length of the longest folder that holds the path; -1 when none does. */
function innermost(path: string, folders: readonly string[]): number {
  return Math.max(-1, ...folders.filter((folder) => isInside(path, folder)).map((folder) => folder.length));
}

interface FoundPlaces {
  readonly writable: readonly string[];
  readonly readOnly: readonly string[];
  readonly inexact: string | null;
}

/** The places of a rule that are there, or can be made. What is not there cannot be mounted, so the rule is not said exactly then. */
async function findPlaces(run: RunContext, { cwd, tree }: SandboxRequest, places: WritePlaces): Promise<FoundPlaces> {
  const writable: string[] = [];
  const readOnly: string[] = [];
  const lacks: string[] = places.inexact === null ? [] : [places.inexact];
  for (const folder of places.folders) {
    const made = folder === "" ? cwd : await madeFolder(run, cwd, folder);
    if (made === null) lacks.push(`${folder} is no folder`);
    else writable.push(made);
  }
  for (const file of places.files) {
    if ((await entryAt(tree, file))?.kind === "file") {
      writable.push(`${cwd}/${file}`);
      continue;
    }
    // What does not exist yet is made in its folder, which then can be written as a whole.
    lacks.push(`${file} does not exist`);
    const folder = file.includes("/") ? await madeFolder(run, cwd, file.slice(0, file.lastIndexOf("/"))) : cwd;
    if (folder !== null) writable.push(folder);
  }
  for (const path of places.denied) {
    const entry = path === "" ? { kind: "directory" } : await entryAt(tree, path);
    if (entry === null) lacks.push(`${path} does not exist`);
    else readOnly.push(path === "" ? cwd : `${cwd}/${path}`);
  }
  for (const entry of places.deniedGlobs.length === 0 ? [] : await tree.glob(places.deniedGlobs, deniedMax)) {
    if (entry.kind === "file" || entry.kind === "directory") readOnly.push(`${cwd}/${entry.path}`);
  }
  return { writable, readOnly, inexact: lacks[0] ?? null };
}

async function madeFolder(run: RunContext, cwd: string, folder: string): Promise<string | null> {
  return run.deps.folderMaker === null ? null : run.deps.folderMaker.make(cwd, folder);
}

/** A link is none of the entries that count. */
async function entryAt(tree: FileTree, path: string): Promise<TreeEntry | null> {
  try {
    const entry = await tree.stat(parseRelativePath(path));
    return entry?.kind === "file" || entry?.kind === "directory" ? entry : null;
  } catch (thrown) {
    if (isLilyError(thrown, "PATH_INVALID", "INPUT_NOT_FOUND")) return null;
    throw thrown;
  }
}

/** Notes the paths that are handed over. */
export function noted(form: ArtifactForm, handed: string[]): ArtifactForm {
  return async (stored) => {
    const value = await form(stored);
    if (typeof value === "string") handed.push(value);
    return value;
  };
}
