/**
 * What version control says about a folder, read with the `git` command so that nothing in the repository can run code.
 *
 * A repository is hostile input: its own configuration can name programs (fsmonitor, hooks, filters, diff and ssh commands, pagers,
 * signature checkers). So only plumbing that starts none of them is used, system and user configuration are left out, what the
 * repository's configuration could name is switched off on the command line, and a repository that defines content filters is not
 * compared with its files at all (`dirty` is then left out): comparing would run them.
 */
import { execFile } from "node:child_process";
import { createReadStream } from "node:fs";
import { lstat, readlink } from "node:fs/promises";
import { join } from "node:path";
import { streamHasher } from "../../base/digest.ts";
import type { JsonObject } from "../../base/json-value.ts";

const timeoutMs = 2_000;
const outputBytesMax = 64 * 1024 * 1024;
/** Files beyond this many are counted as dirty without reading them all. */
const dirtyFilesMax = 1_000;
const dirtyBytesMax = 64 * 1024 * 1024;

const safeOptions = [
  ["core.fsmonitor", "false"],
  ["core.hooksPath", "/dev/null"],
  ["core.pager", "cat"],
  ["core.sshCommand", "false"],
  ["core.askPass", "false"],
  ["core.editor", "false"],
  ["core.attributesFile", "/dev/null"],
  ["core.excludesFile", "/dev/null"],
  ["core.untrackedCache", "false"],
  ["credential.helper", ""],
  ["diff.external", ""],
  ["gpg.program", "false"],
  ["log.showSignature", "false"],
  ["submodule.recurse", "false"],
  ["protocol.allow", "never"],
].flatMap(([name, value]) => ["-c", `${name}=${value}`]);

export interface GitSource {
  /** Absolute top folder of the work tree. */
  readonly root: string;
  /** vcs, commit, tree, dirty, dirty_digest, remote: what could be found. */
  readonly facts: JsonObject;
}

/** Null when there is no repository, no `git`, or `git` does not trust the folder. */
export async function readGitSource(dir: string, path: string): Promise<GitSource | null> {
  const root = await findTop(dir);
  if (root === null) return null;
  const git = (...args: readonly string[]) => runGit(root, path, args);
  const config = await git("config", "--get-regexp", "^(filter\\..*|remote\\.origin\\.url)$");
  if (config === null) return { root, facts: { vcs: "git" } };
  const [head, changes] = await Promise.all([git("rev-parse", "HEAD", "HEAD^{tree}"), /^filter\./m.test(config) ? {} : dirtyFacts(root, git)]);
  const [commit, tree] = (head ?? "").trim().split("\n");
  const remote = remoteText(/^remote\.origin\.url (.*)$/m.exec(config)?.[1] ?? "");
  const heads = commit === undefined || tree === undefined ? {} : { commit, tree };
  return { root, facts: { vcs: "git", ...heads, ...changes, ...(remote === null ? {} : { remote }) } };
}

/** Nearest folder at or above `dir` that holds `.git`. */
async function findTop(dir: string): Promise<string | null> {
  for (let folder = dir; ; folder = join(folder, "..")) {
    const found = await lstat(join(folder, ".git")).catch(() => null);
    // A file names a repository elsewhere (work tree, submodule); git itself checks it.
    if (found !== null && (found.isDirectory() || found.isFile())) return folder;
    if (folder === join(folder, "..")) return null;
  }
}

async function dirtyFacts(root: string, git: (...args: readonly string[]) => Promise<string | null>): Promise<JsonObject> {
  const status = await git(
    "status",
    "--porcelain=v1",
    "-z",
    "--untracked-files=all",
    "--ignore-submodules=all",
    "--no-renames",
    "--",
    ".",
    ":(exclude,glob)**/.lily/**",
  );
  if (status === null) return {};
  const entries = status
    .split("\0")
    .filter((entry) => entry !== "")
    .sort();
  if (entries.length === 0) return { dirty: false };
  const digest = await dirtyDigest(root, entries);
  return { dirty: true, ...(digest === null ? {} : { dirty_digest: digest }) };
}

/** Digest over state, path and content of every changed file, in path order. Null when there is too much of it. */
async function dirtyDigest(root: string, entries: readonly string[]): Promise<string | null> {
  if (entries.length > dirtyFilesMax) return null;
  const hasher = streamHasher();
  const text = new TextEncoder();
  let bytes = 0;
  for (const entry of entries) {
    const path = join(root, entry.slice(3));
    const info = await lstat(path).catch(() => null);
    hasher.update(text.encode(`${entry}\0${info === null ? "absent" : info.isFile() ? info.size : "other"}\0`));
    if (info?.isSymbolicLink() === true) hasher.update(text.encode(await readlink(path).catch(() => "")));
    if (info?.isFile() !== true) continue;
    bytes += info.size;
    if (bytes > dirtyBytesMax) return null;
    try {
      for await (const chunk of createReadStream(path)) hasher.update(chunk as Buffer);
    } catch {
      return null;
    }
  }
  return hasher.digest();
}

/** A remote without user, password and query; null for what is neither a URL nor host:path. */
export function remoteText(text: string): string | null {
  const trimmed = text.trim();
  if (trimmed === "") return null;
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(trimmed)) {
    if (!URL.canParse(trimmed)) return null;
    const url = new URL(trimmed);
    url.username = "";
    url.password = "";
    url.search = "";
    url.hash = "";
    return url.protocol === "file:" ? null : url.href;
  }
  const scp = /^(?:[^@/\s]*@)?([A-Za-z0-9.-]+):([^\s?#@]+)$/.exec(trimmed);
  return scp?.[1] === undefined || scp[2] === undefined ? null : `${scp[1]}:${scp[2]}`;
}

/** Output of a git command, empty when it found nothing (exit 1); null when it failed. */
function runGit(root: string, path: string, args: readonly string[]): Promise<string | null> {
  const env = {
    PATH: path,
    HOME: "/nonexistent",
    LC_ALL: "C",
    GIT_CONFIG_NOSYSTEM: "1",
    GIT_CONFIG_GLOBAL: "/dev/null",
    GIT_OPTIONAL_LOCKS: "0",
    GIT_TERMINAL_PROMPT: "0",
    GIT_NO_LAZY_FETCH: "1",
    GIT_NO_REPLACE_OBJECTS: "1",
    GIT_PAGER: "cat",
    GIT_CEILING_DIRECTORIES: join(root, ".."),
    // Or the repository could say that its files are those of the whole disk.
    GIT_WORK_TREE: root,
  };
  return new Promise((resolve) => {
    try {
      const options = { cwd: root, env, timeout: timeoutMs, killSignal: "SIGKILL", maxBuffer: outputBytesMax, windowsHide: true } as const;
      execFile("git", ["--no-pager", ...safeOptions, ...args], options, (error, stdout) =>
        resolve(error === null ? stdout : error.code === 1 ? "" : null),
      ).stdin?.end();
    } catch {
      resolve(null);
    }
  });
}
