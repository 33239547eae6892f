/** In-memory attempt folders over `MemoryFiles`, with the promises of the port. */
import { type Digest, digestBytes, hexOf } from "../../base/digest.ts";
import { parseIdentifier } from "../../base/identifier.ts";
import { LilyError } from "../../base/lily-error.ts";
import { parseRelativePath, type RelativePath } from "../../base/relative-path.ts";
import { parseRunId, type RunId } from "../../contracts/ids.ts";
import type { AttemptFolder, AttemptFolders, AttemptWork } from "../../ports/attempt-folders.ts";
import type { ByteSource } from "../../ports/object-store.ts";
import type { MemoryFiles } from "./memory-files.ts";

type Content = () => Promise<Uint8Array | AsyncIterable<Uint8Array>>;

/** Paths lie below `workspaceDir`, default `/workspace`. */
export function createMemoryAttemptFolders(files: MemoryFiles, workspaceDir = "/workspace"): AttemptFolders {
  const runDir = (run: RunId): string => `${workspaceDir}/runs/${parseRunId(run)}`;
  const holders = new Map<string, number>();
  const folder = (run: RunId, name: readonly string[], work: AttemptWork, fresh: boolean): AttemptFolder => {
    const displayPath = ["runs", run, ...name.map((segment) => parseIdentifier(segment, "attempt folder"))].join("/");
    const dir = `${workspaceDir}/${displayPath}`;
    if (fresh && files.names(dir).length > 0) throw new LilyError("STORAGE_FAILED", `${displayPath} holds an earlier attempt (E2)`);
    if (work.kind === "isolated") files.makeFolder(`${dir}/work`);
    return new MemoryAttemptFolder(files, dir, displayPath, work, `${runDir(run)}/in`, holders);
  };
  return {
    runDir,
    open: async (run, name, work) => folder(run, name, work, true),
    reopen: async (run, name, work) => folder(run, name, work, false),
    logs: async (run) => logsOf(files, runDir(run)),
    cleanRun: async (run, { isolated }) => {
      for (const path of [...holders.keys()]) if (path.startsWith(`${runDir(run)}/in/`)) holders.delete(path);
      files.remove(`${runDir(run)}/in`);
      if (!isolated) return;
      for (const family of ["gates", "steps"]) {
        for (const owner of files.names(`${runDir(run)}/${family}`)) {
          for (const attempt of files.names(`${runDir(run)}/${family}/${owner}`)) files.remove(`${runDir(run)}/${family}/${owner}/${attempt}/work`);
        }
      }
    },
    writeManifest: async (run, text) => {
      const path = `${runDir(run)}/run_manifest.json`;
      const known = files.node(path);
      if (known === null) files.write(path, text);
      else if (known.kind !== "file" || new TextDecoder().decode(known.bytes) !== text)
        throw new LilyError("RUN_STATE_CONFLICT", `run ${run} has another run_manifest.json already`);
    },
  };
}

function logsOf(files: MemoryFiles, runDir: string): readonly { readonly path: string; readonly size: number }[] {
  const found: { path: string; size: number }[] = [];
  for (const family of ["gates", "steps"]) {
    for (const owner of [...files.names(`${runDir}/${family}`)].sort()) {
      for (const attempt of [...files.names(`${runDir}/${family}/${owner}`)].sort((a, b) => Number.parseInt(a, 10) - Number.parseInt(b, 10))) {
        for (const log of ["stderr.txt", "stdout.txt"]) {
          const path = `${family}/${owner}/${attempt}/${log}`;
          const node = files.node(`${runDir}/${path}`);
          if (node?.kind === "file") found.push({ path, size: node.bytes.length });
        }
      }
    }
  }
  return found;
}

class MemoryAttemptFolder implements AttemptFolder {
  readonly displayPath: string;
  readonly cwd: string;
  readonly stdoutPath: string;
  readonly stderrPath: string;
  readonly #files: MemoryFiles;
  readonly #dir: string;
  readonly #isolated: boolean;
  readonly #inputsDir: string;
  /** How many attempts use an input; shared by the attempts of all runs. */
  readonly #holders: Map<string, number>;
  readonly #held = new Set<string>();

  constructor(files: MemoryFiles, dir: string, displayPath: string, work: AttemptWork, inputsDir: string, holders: Map<string, number>) {
    this.#files = files;
    this.#dir = dir;
    this.displayPath = displayPath;
    this.#isolated = work.kind === "isolated";
    this.cwd = work.kind === "isolated" ? `${dir}/work` : work.dir;
    this.stdoutPath = `${dir}/stdout.txt`;
    this.stderrPath = `${dir}/stderr.txt`;
    this.#inputsDir = inputsDir;
    this.#holders = holders;
  }

  async materialize(digest: Digest, fileName: string, read: Content): Promise<string> {
    const path = `${this.#inputsDir}/${hexOf(digest).slice(0, 16)}/${safeName(fileName)}`;
    const bytes = await wholeOf(read);
    if (digestBytes(bytes) !== digest) throw new LilyError("OBJECT_CORRUPT", `the bytes of ${digest} do not give this digest`, { details: { digest } });
    if (!this.#held.has(path)) this.#holders.set(path, (this.#holders.get(path) ?? 0) + 1);
    this.#held.add(path);
    const known = this.#files.node(path);
    if (known?.kind !== "file" || digestBytes(known.bytes) !== digest) this.#files.write(path, bytes);
    return path;
  }

  async place(path: RelativePath, read: Content): Promise<void> {
    if (!this.#isolated) throw new LilyError("STORAGE_FAILED", `${this.displayPath} works in the source folder, where nothing is put`);
    const segments = parseRelativePath(path).split("/");
    for (let i = 1; i < segments.length; i++) {
      const kind = this.#files.node(`${this.cwd}/${segments.slice(0, i).join("/")}`)?.kind;
      if (kind === "link" || kind === "special") throw new LilyError("PATH_INVALID", `${path} passes a ${kind}`);
    }
    this.#files.write(`${this.cwd}/${path}`, await wholeOf(read));
  }

  async openLog(stream: "stdout" | "stderr"): Promise<(ByteSource & { readonly size: number }) | null> {
    const node = this.#files.node(`${this.#dir}/${stream}.txt`);
    if (node?.kind !== "file" || node.bytes.length === 0) return null;
    const bytes = node.bytes.slice();
    let at = 0;
    const read = (into: Uint8Array): number => {
      const count = Math.min(into.length, bytes.length - at);
      into.set(bytes.subarray(at, at + count));
      at += count;
      return count;
    };
    return { size: bytes.length, read, close: async () => {} };
  }

  async writeLog(text: string): Promise<void> {
    if (text !== "") this.#writeOnce("stdout.txt", text);
  }

  async writeSummary(text: string): Promise<void> {
    this.#writeOnce("executor.json", text);
  }

  async clean(): Promise<void> {
    for (const path of this.#held) {
      const left = (this.#holders.get(path) ?? 1) - 1;
      this.#holders.set(path, left);
      if (left === 0) this.#files.remove(path);
    }
    this.#held.clear();
    if (this.#isolated) this.#files.remove(this.cwd);
  }

  #writeOnce(name: string, text: string): void {
    const path = `${this.#dir}/${name}`;
    if (this.#files.node(path) !== null) throw new LilyError("STORAGE_FAILED", `${this.displayPath}/${name} exists already (E2)`);
    this.#files.write(path, text);
  }
}

async function wholeOf(read: Content): Promise<Uint8Array> {
  const content = await read();
  if (content instanceof Uint8Array) return content;
  const pieces: Uint8Array[] = [];
  for await (const piece of content) pieces.push(piece);
  return new Uint8Array(Buffer.concat(pieces));
}

function safeName(fileName: string): string {
  return (
    fileName
      .split(/[/\\]/)
      .pop()
      ?.replace(/[^A-Za-z0-9._-]/g, "_")
      .replace(/^[.-]+/, "")
      .slice(0, 128) || "input"
  );
}
