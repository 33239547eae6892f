/**
 * Owns: `runs/<run_id>/` without its record: `run_manifest.json`, `steps/<step>/<n>/` and `gates/<gate>/<n>/` with `stdout.txt`,
 * `stderr.txt`, `executor.json` and, when isolated, `work/`; and `in/<digest16>/<name>`, the copies that commands read.
 * States of an attempt folder: absent, in use, kept. It is made by the first thing written into it, so an attempt that writes nothing
 * leaves nothing.
 * Invariants
 * - E2 A folder that holds something is never opened a second time; the manifest and a summary are written once.
 * - A1 A copy is handed out only when its bytes give the digest; one that a command changed is made anew.
 * Not responsible for: durability of logs (the record and the object store carry what counts), and running anything.
 */
import { createHash } from "node:crypto";
import * as fs from "node:fs";
import { dirname, join, sep } from "node:path";
import { type Digest, hexOf } from "../../base/digest.ts";
import { parseIdentifier } from "../../base/identifier.ts";
import { LilyError } from "../../base/lily-error.ts";
import { parseRunId, type RunId } from "../../contracts/ids.ts";
import type { RelativePath } from "../../base/relative-path.ts";
import type { AttemptFolder, AttemptFolders, AttemptWork } from "../../ports/attempt-folders.ts";
import type { ByteSource } from "../../ports/object-store.ts";
import { closeQuietly, makeFolderDurable, makeFolders, publishOnce } from "./durable-folder.ts";
import { FileSource } from "./file-source.ts";
import { openFolder, openRegularFile } from "./folder-handle.ts";
import { InputCopies } from "./input-copies.ts";
import { placeFile } from "./place-file.ts";
import { hasErrno, storageError } from "./storage-error.ts";

const logNames = ["stderr.txt", "stdout.txt"] as const;

/** Attempt folders of the workspace at `workspaceDir`. Makes nothing until it must. */
export function openFsAttemptFolders(workspaceDir: string): AttemptFolders {
  return new FsAttemptFolders(workspaceDir);
}

class FsAttemptFolders implements AttemptFolders {
  readonly #workspaceDir: string;
  readonly #copies = new InputCopies();

  constructor(workspaceDir: string) {
    this.#workspaceDir = workspaceDir;
  }

  runDir(run: RunId): string {
    return join(this.#workspaceDir, "runs", parseRunId(run));
  }

  async open(run: RunId, name: readonly string[], work: AttemptWork): Promise<AttemptFolder> {
    return this.#folder(run, name, work, true);
  }

  async reopen(run: RunId, name: readonly string[], work: AttemptWork): Promise<AttemptFolder> {
    return this.#folder(run, name, work, false);
  }

  #folder(run: RunId, name: readonly string[], work: AttemptWork, fresh: boolean): AttemptFolder {
    const segments = name.map((segment) => parseIdentifier(segment, "attempt folder"));
    const runDir = this.runDir(run);
    // Identifiers are single segments already, so nothing is left to normalise.
    const dir = [runDir, ...segments].join(sep);
    const displayPath = ["runs", run, ...segments].join("/");
    if (fresh) refuseUsed(dir, displayPath);
    const cwd = work.kind === "source" ? work.dir : join(dir, "work");
    if (work.kind === "isolated") makeFolder(cwd);
    return new FsAttemptFolder(dir, displayPath, cwd, work.kind === "isolated", `${runDir}${sep}in`, this.#copies);
  }

  async logs(run: RunId): Promise<readonly { readonly path: string; readonly size: number }[]> {
    const runDir = this.runDir(run);
    const found: { path: string; size: number }[] = [];
    for (const family of ["gates", "steps"]) {
      for (const owner of foldersIn(join(runDir, family))) {
        for (const attempt of foldersIn(join(runDir, family, owner)).sort((a, b) => Number.parseInt(a, 10) - Number.parseInt(b, 10))) {
          for (const log of logNames) {
            const path = `${family}/${owner}/${attempt}/${log}`;
            const seen = fs.lstatSync(join(runDir, path), { throwIfNoEntry: false });
            if (seen?.isFile()) found.push({ path, size: seen.size });
          }
        }
      }
    }
    return found;
  }

  async cleanRun(run: RunId, options: { readonly isolated: boolean }): Promise<void> {
    const runDir = this.runDir(run);
    try {
      if (fs.existsSync(join(runDir, "in"))) this.#copies.forget(join(runDir, "in"));
      if (!options.isolated) return;
      for (const family of ["gates", "steps"]) {
        for (const owner of foldersIn(join(runDir, family))) {
          for (const attempt of foldersIn(join(runDir, family, owner))) {
            const dir = join(runDir, family, owner, attempt);
            fs.rmSync(join(dir, "work"), { recursive: true, force: true });
            removeWhenEmpty(dir);
          }
        }
      }
    } catch (thrown) {
      throw storageError(thrown, `cannot remove working files of run ${run}`);
    }
  }

  async writeManifest(run: RunId, text: string): Promise<void> {
    const path = join(this.runDir(run), "run_manifest.json");
    const bytes = new TextEncoder().encode(text);
    try {
      await makeFolderDurable(dirname(path));
      if (await publishOnce(path, bytes, 0o444)) return;
      if (Buffer.compare(fs.readFileSync(path), bytes) === 0) return;
    } catch (thrown) {
      throw storageError(thrown, `cannot write ${path}`);
    }
    throw new LilyError("RUN_STATE_CONFLICT", `run ${run} has another run_manifest.json already; it is written once`, { details: { run_id: run } });
  }
}

class FsAttemptFolder implements AttemptFolder {
  readonly displayPath: string;
  readonly cwd: string;
  readonly #dir: string;
  readonly #isolated: boolean;
  readonly #inputsDir: string;
  readonly #copies: InputCopies;
  readonly #held = new Set<string>();

  constructor(dir: string, displayPath: string, cwd: string, isolated: boolean, inputsDir: string, copies: InputCopies) {
    this.#dir = dir;
    this.displayPath = displayPath;
    this.cwd = cwd;
    this.#isolated = isolated;
    this.#inputsDir = inputsDir;
    this.#copies = copies;
  }

  get stdoutPath(): string {
    return join(this.#dir, "stdout.txt");
  }

  get stderrPath(): string {
    return join(this.#dir, "stderr.txt");
  }

  async place(path: RelativePath, read: () => Promise<Uint8Array | AsyncIterable<Uint8Array>>): Promise<void> {
    if (!this.#isolated) throw new LilyError("STORAGE_FAILED", `${this.displayPath} works in the source folder, where nothing is put`);
    await placeFile(this.cwd, path, read);
  }

  async openLog(stream: "stdout" | "stderr"): Promise<(ByteSource & { readonly size: number }) | null> {
    try {
      const folder = openFolder(this.#dir);
      try {
        const opened = openRegularFile(folder, `${stream}.txt`);
        if (opened === null) return null;
        if (opened.size > 0) return new FileSource(opened.fd, opened.size);
        closeQuietly(opened.fd);
        return null;
      } finally {
        closeQuietly(folder.fd);
      }
    } catch (thrown) {
      if (hasErrno(thrown, "ENOENT")) return null;
      throw storageError(thrown, `cannot read ${this.displayPath}/${stream}.txt`);
    }
  }

  async materialize(digest: Digest, fileName: string, read: () => Promise<Uint8Array | AsyncIterable<Uint8Array>>): Promise<string> {
    const path = join(this.#inputsDir, hexOf(digest).slice(0, 16), safeBaseName(fileName));
    if (!this.#held.has(path)) {
      this.#held.add(path);
      this.#copies.hold(path);
    }
    await this.#copies.make(path, digest, read);
    return path;
  }

  async writeLog(text: string): Promise<void> {
    if (text !== "") this.#writeOnce("stdout.txt", text);
  }

  async writeSummary(text: string): Promise<void> {
    this.#writeOnce("executor.json", text);
  }

  #writeOnce(name: string, text: string): void {
    makeFolder(this.#dir);
    try {
      fs.writeFileSync(join(this.#dir, name), text, { flag: "wx", mode: 0o644 });
    } catch (thrown) {
      if (hasErrno(thrown, "EEXIST")) throw new LilyError("STORAGE_FAILED", `${this.displayPath}/${name} exists already (E2)`, { cause: thrown });
      throw storageError(thrown, `cannot write ${this.displayPath}/${name}`);
    }
  }

  async clean(): Promise<void> {
    for (const path of this.#held) this.#copies.release(path);
    this.#held.clear();
    try {
      if (this.#isolated) fs.rmSync(this.cwd, { recursive: true, force: true });
      removeWhenEmpty(this.#dir);
    } catch (thrown) {
      throw storageError(thrown, `cannot remove ${this.cwd}`);
    }
  }
}

/** E2: what an earlier attempt left is never written into. */
function refuseUsed(dir: string, displayPath: string): void {
  // Most attempts find nothing; asking for the entry is several times cheaper than an error of a listing.
  if (fs.lstatSync(dir, { throwIfNoEntry: false }) === undefined) return;
  let names: readonly string[];
  try {
    names = fs.readdirSync(dir);
  } catch (thrown) {
    if (hasErrno(thrown, "ENOENT")) return;
    throw storageError(thrown, `cannot open ${displayPath}`);
  }
  if (names.length > 0)
    throw new LilyError("STORAGE_FAILED", `${displayPath} holds an earlier attempt; an attempt folder is never used twice (E2)`, {
      details: { path: displayPath },
    });
}

function makeFolder(dir: string): void {
  try {
    makeFolders(dir);
  } catch (thrown) {
    throw storageError(thrown, `cannot make ${dir}`);
  }
}

function removeWhenEmpty(dir: string): void {
  try {
    fs.rmdirSync(dir);
  } catch (thrown) {
    if (!hasErrno(thrown, "ENOTEMPTY", "EEXIST", "ENOENT")) throw thrown;
  }
}

function foldersIn(dir: string): string[] {
  try {
    return fs
      .readdirSync(dir, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map((entry) => entry.name)
      .sort();
  } catch (thrown) {
    if (hasErrno(thrown, "ENOENT", "ENOTDIR")) return [];
    throw storageError(thrown, `cannot list ${dir}`);
  }
}

/** A base name that is safe in an argument list and on every file system: no leading dash or dot, ASCII, at most 128 characters. */
export function safeBaseName(fileName: string): string {
  const last = fileName.split(/[/\\]/).pop() ?? "";
  const safe = last.replace(/[^A-Za-z0-9._-]/g, "_").replace(/^[.-]+/, "");
  if (safe === last && safe.length > 0 && safe.length <= 128) return safe;
  // Names that were changed could meet; eight digits of the given name keep them apart.
  const mark = createHash("sha256").update(fileName).digest("hex").slice(0, 8);
  const dot = safe.lastIndexOf(".");
  const extension = dot > 0 && safe.length - dot <= 16 ? safe.slice(dot) : "";
  const stem = safe.slice(0, safe.length - extension.length).slice(0, 100);
  return `${stem === "" ? "input" : stem}-${mark}${extension}`;
}
