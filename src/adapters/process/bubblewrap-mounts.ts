/**
 * The mounts of one sandboxed command, as arguments of bubblewrap. Mounts are made from the outside in: an inner path wins over an outer
 * one, and of two about the same path the later rank wins, so that what forbids beats what permits.
 *
 * A folder that holds a protected path could be renamed away and made anew with other content, as long as it is no mount point itself.
 * So every folder between a writable one and a protected path inside of it becomes a mount of its own: then renaming it is EBUSY.
 */
import { existsSync, realpathSync, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import type { SandboxSpec } from "../../ports/process-runner.ts";
import { listeningSockets } from "./bubblewrap-sockets.ts";
import { type ToolMounts, toolMounts } from "./bubblewrap-tools.ts";
import type { FoundTool } from "./tool-lookup.ts";

/** Folders that every command has for itself, empty at its start. */
const privateFolders = ["/tmp", "/var/tmp"];
/** Sockets of services lie here, and a socket can be connected to on a read-only mount. Hidden where the network is denied. */
const socketFolders = ["/run", "/var/run"];

export interface MountRequest {
  readonly sandbox: SandboxSpec;
  readonly cwd: string;
  readonly path: string;
  readonly temp: string | undefined;
  /** Where the command was found; null when it was not. */
  readonly command: FoundTool | null;
}

/** In the order in which they win over each other at the same path. */
const ranks = ["root", "private", "tools", "seen", "writable", "readOnly", "hidden", "shown", "tool"] as const;

interface Mount {
  readonly path: string;
  readonly rank: (typeof ranks)[number];
  readonly args: readonly string[];
  /** To be made read-only when everything inside of it is mounted. */
  readonly close: boolean;
}

export function mountArgs(request: MountRequest): readonly string[] {
  const mounts = [...baseMounts(request), ...namedMounts(request), ...toolsOf(request)];
  const ordered = distinct(mounts)
    .map((mount) => ({ mount, depth: depthOf(mount.path), rank: ranks.indexOf(mount.rank) }))
    .sort((a, b) => a.depth - b.depth || compare(a.mount.path, b.mount.path) || a.rank - b.rank)
    .map(({ mount }) => mount);
  const last = new Map(ordered.map((mount) => [mount.path, mount]));
  return [...ordered.flatMap((mount) => mount.args), ...[...last.values()].filter((mount) => mount.close).flatMap((mount) => ["--remount-ro", mount.path])];
}

function baseMounts(request: MountRequest): readonly Mount[] {
  const { sandbox, cwd, temp, command } = request;
  const own = [...privateFolders, ...(temp?.startsWith("/") === true && temp !== "/" && !isWritable(sandbox, temp) ? [temp] : [])]
    .filter((path) => isFolder(path))
    .map(real);
  const sockets = sandbox.network === "deny" ? socketFolders.filter(isFolder).map(real) : [];
  const hides = (path: string): boolean =>
    [...own, ...sockets].some((folder) => isInside(path, folder)) && !sandbox.hidden.some((folder) => isInside(path, folder));
  const seen = [cwd, ...(command === null ? [] : [command.path])].filter((path) => existsSync(path) && hides(real(path)));
  return [
    { path: "/", rank: "root", args: ["--ro-bind", "/", "/"], close: false },
    { path: "/dev", rank: "private", args: ["--dev", "/dev"], close: false },
    { path: "/proc", rank: "private", args: ["--proc", "/proc"], close: false },
    ...unique(own).map((path): Mount => ({ path, rank: "private", args: ["--perms", "1777", "--tmpfs", path], close: false })),
    ...unique(sockets).map((path): Mount => ({ path, rank: "private", args: ["--tmpfs", path], close: true })),
    ...socketMasks(request, [...own, ...sockets]),
    ...commandLink(request, [...own, ...sockets]),
    ...seen.map((path): Mount => ({ path: real(path), rank: "seen", args: ["--ro-bind", real(path), real(path)], close: false })),
  ];
}

/** The name by which the command was found, when it is a link in a folder that is seen empty: its own executable is what is shown. */
function commandLink({ sandbox, cwd, command }: MountRequest, emptied: readonly string[]): readonly Mount[] {
  if (command === null) return [];
  const at = join(real(dirname(command.at)), basename(command.at));
  if (at === command.path || isSeen(at, sandbox, cwd, emptied)) return [];
  return [{ path: at, rank: "tool", args: ["--symlink", command.path, at], close: false }];
}

/** Whether what is there on this machine is there inside too, when these folders are emptied and the hidden ones. */
function isSeen(path: string, sandbox: SandboxSpec, cwd: string, emptied: readonly string[]): boolean {
  const gone = [...emptied, ...sandbox.hidden.map(real)];
  const there = ["/", ...sandbox.writable, ...sandbox.readOnly, ...sandbox.shown].map(real);
  // The working directory is kept from being emptied, but not from being hidden.
  if (!sandbox.hidden.some((folder) => isInside(real(cwd), real(folder)))) there.push(real(cwd));
  return innermost(path, there) >= innermost(path, gone);
}

/** Sockets that services listen on, where there is to be no network and nothing else hides them. */
function socketMasks({ sandbox, cwd }: MountRequest, emptied: readonly string[]): readonly Mount[] {
  if (sandbox.network === "allow") return [];
  return unique(listeningSockets().map(real))
    .filter((path) => isSeen(path, sandbox, cwd, emptied))
    .map((path) => ({ path, rank: "hidden", args: ["--ro-bind", "/dev/null", path], close: false }));
}

/** Length of the longest folder that holds the path; -1 when none does. */
function innermost(path: string, folders: readonly string[]): number {
  return Math.max(-1, ...folders.filter((folder) => isInside(path, folder)).map((folder) => folder.length));
}

function namedMounts({ sandbox }: MountRequest): readonly Mount[] {
  const bind = (rank: "writable" | "readOnly" | "shown", paths: readonly string[]): readonly Mount[] =>
    unique(paths.map(real)).map((path) => ({ path, rank, args: [rank === "writable" ? "--bind" : "--ro-bind", path, path], close: false }));
  return [
    ...bind("writable", [...sandbox.writable, ...anchors(sandbox)]),
    ...bind("readOnly", sandbox.readOnly),
    ...unique(sandbox.hidden.filter((path) => existsSync(path)).map(real)).map(hiddenMount),
    ...bind("shown", sandbox.shown),
  ];
}

function hiddenMount(path: string): Mount {
  if (isFolder(path)) return { path, rank: "hidden", args: ["--tmpfs", path], close: true };
  return { path, rank: "hidden", args: ["--ro-bind", "/dev/null", path], close: false };
}

/** Folders between a writable folder and a protected path inside of it. */
function anchors(sandbox: SandboxSpec): readonly string[] {
  const roots = sandbox.writable.map(real);
  const found: string[] = [];
  for (const path of [...sandbox.readOnly, ...sandbox.hidden].filter((each) => existsSync(each)).map(real)) {
    for (let at = dirname(path); at !== "/" && roots.some((root) => at !== root && isInside(at, root)); at = dirname(at)) found.push(at);
  }
  const closed = [...sandbox.readOnly, ...sandbox.hidden].map(real);
  return found.filter((path) => !closed.some((outer) => isInside(path, outer)));
}

function toolsOf({ sandbox, cwd, path }: MountRequest): readonly Mount[] {
  if (sandbox.tools === null) return [];
  const { writable, readOnly, hidden, shown } = sandbox;
  const needed = [cwd, ...writable, ...readOnly, ...shown].map(real);
  const tools: ToolMounts = toolMounts({ tools: sandbox.tools.map(real), path, cwd, keep: (folder) => needed.some((each) => isInside(each, folder)) });
  const isHidden = (at: string): boolean => hidden.map(real).some((folder) => isInside(at, folder));
  return [
    ...tools.emptied.filter((folder) => !isHidden(folder)).map((folder): Mount => ({ path: folder, rank: "tools", args: ["--tmpfs", folder], close: true })),
    ...tools.masked
      .filter((file) => !isHidden(file))
      .map((file): Mount => ({ path: file, rank: "tools", args: ["--ro-bind", "/dev/null", file], close: false })),
    ...tools.bound.filter((file) => !isHidden(file)).map((file): Mount => ({ path: file, rank: "tool", args: ["--ro-bind", file, file], close: false })),
    ...tools.links
      .filter(({ at }) => !isHidden(at))
      .map(({ at, target }): Mount => ({ path: at, rank: "tool", args: ["--symlink", target, at], close: false })),
  ];
}

/** True when `path` is `folder` or lies in it. */
export function isInside(path: string, folder: string): boolean {
  return folder === "/" || path === folder || path.startsWith(`${folder}/`);
}

function isWritable(sandbox: SandboxSpec, path: string): boolean {
  return sandbox.writable.some((folder) => isInside(real(path), real(folder)));
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}

function real(path: string): string {
  try {
    return realpathSync.native(path);
  } catch {
    return path;
  }
}

function depthOf(path: string): number {
  return path === "/" ? 0 : path.split("/").length;
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** The same thing said twice is done once. */
function distinct(mounts: readonly Mount[]): readonly Mount[] {
  return [...new Map(mounts.map((mount) => [mount.args.join("\0"), mount])).values()];
}

function unique(paths: readonly string[]): readonly string[] {
  return [...new Set(paths)];
}
