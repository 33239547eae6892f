/**
 * What has to be hidden, and what bound back, so that only some executables can be started in a sandbox. Whole folders of executables
 * are replaced by empty ones; a folder that is needed for something else too keeps its files, and its executables are masked one by one.
 */
import { accessSync, constants, readdirSync, realpathSync, statSync } from "node:fs";
import { homedir } from "node:os";
import { join, resolve } from "node:path";

export interface ToolMounts {
  /** Folders to be replaced by empty ones. */
  readonly emptied: readonly string[];
  /** Files to be replaced by something that cannot be executed. */
  readonly masked: readonly string[];
  /** Executables to be bound back. */
  readonly bound: readonly string[];
  /** Names under which executables that may be started are found. */
  readonly links: readonly { readonly at: string; readonly target: string }[];
}

export interface ToolRequest {
  /** Links resolved. */
  readonly tools: readonly string[];
  readonly path: string;
  readonly cwd: string;
  /** True for a folder that must not be replaced as a whole. */
  readonly keep: (folder: string) => boolean;
}

/** Where executables lie by custom. What is not there and not in PATH can be started by its path. */
const customaryFolders = [
  ...["/bin", "/sbin", "/usr/bin", "/usr/sbin", "/usr/local/bin", "/usr/local/sbin", "/usr/games", "/usr/local/games"],
  ...["/usr/libexec", "/usr/local/libexec", "/usr/lib/git-core", "/usr/lib/klibc/bin", "/opt/bin", "/opt/sbin", "/snap/bin"],
  ...["/usr/local/go/bin", "/nix/var/nix/profiles/default/bin"],
];
const homeFolders = ["bin", ".local/bin", ".cargo/bin", "go/bin", ".bun/bin", ".deno/bin"];

export function toolMounts({ tools, path, cwd, keep }: ToolRequest): ToolMounts {
  const allowed = new Set(tools);
  const emptied: string[] = [];
  const masked: string[] = [];
  const bound = new Set<string>();
  const links: { at: string; target: string }[] = [];
  for (const folder of executableFolders(path, cwd)) {
    if (keep(folder)) {
      masked.push(...filesIn(folder).filter((file) => isExecutable(file) && !allowed.has(file)));
      continue;
    }
    emptied.push(folder);
    links.push(...linksIn(folder, allowed));
  }
  for (const tool of allowed) if (isExecutable(tool)) bound.add(tool);
  return { emptied, masked, bound: [...bound], links };
}

function executableFolders(path: string, cwd: string): readonly string[] {
  const named = path.split(":").map((part) => resolve(cwd, part));
  const installed = namesIn("/opt").flatMap((name) => [join("/opt", name, "bin"), join("/opt", name, "sbin")]);
  const own = homeFolders.map((folder) => join(homedir(), folder));
  const folders = [...named, ...customaryFolders, ...installed, ...own].map(realFolder).filter((folder) => folder !== null);
  return [...new Set(folders)].filter((folder) => folder !== "/");
}

function realFolder(path: string): string | null {
  try {
    const real = realpathSync.native(path);
    return statSync(real).isDirectory() ? real : null;
  } catch {
    return null;
  }
}

/** Links in a folder that lead to an executable that may be started: programs look at the name by which they were called. */
function linksIn(folder: string, allowed: ReadonlySet<string>): readonly { readonly at: string; readonly target: string }[] {
  const found: { at: string; target: string }[] = [];
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (!entry.isSymbolicLink()) continue;
    const at = join(folder, entry.name);
    const target = realFile(at);
    if (target !== null && allowed.has(target)) found.push({ at, target });
  }
  return found;
}

function filesIn(folder: string): readonly string[] {
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(folder, entry.name));
}

function realFile(path: string): string | null {
  try {
    return realpathSync.native(path);
  } catch {
    return null;
  }
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
