/** Runs the built command as a child process, in a workspace and with keys of its own. */
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import process from "node:process";
import type { LedgerEvent } from "../../src/contracts/event.ts";
import type { ArtifactView, RunView, VerifyView } from "../../src/contracts/run-view.ts";
import type { ProvenanceGraph } from "../../src/kernel/kernel.ts";

export const repoRoot = path.resolve(import.meta.dirname, "../..");
const bin = path.join(repoRoot, "dist", "cli", "lily.js");

export interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A temporary folder with its own workspace and its own keys. */
export class ExampleRun {
  readonly dir = mkdtempSync(path.join(tmpdir(), "lily-e2e-"));

  constructor() {
    if (!existsSync(bin)) throw new Error("dist/cli/lily.js is missing: run npm run build");
  }

  [Symbol.dispose](): void {
    rmSync(this.dir, { recursive: true, force: true });
  }

  /** The environment of a newcomer: nothing of the test runner's, this Node first on the path. */
  get env(): Record<string, string> {
    return {
      PATH: [path.dirname(process.execPath), process.env["PATH"] ?? ""].join(path.delimiter),
      HOME: process.env["HOME"] ?? this.dir,
      XDG_DATA_HOME: path.join(this.dir, "keys"),
      npm_config_cache: path.join(this.dir, "npm-cache"),
      npm_config_update_notifier: "false",
    };
  }

  run(argv: readonly string[], cwd = this.dir, more: Readonly<Record<string, string>> = {}): Promise<Ended> {
    const [file = "", ...args] = argv;
    return new Promise((resolve, reject) => {
      const child = spawn(file, args, { cwd, env: { ...this.env, ...more }, stdio: ["ignore", "pipe", "pipe"] });
      const stdout: Buffer[] = [];
      const stderr: Buffer[] = [];
      child.stdout.on("data", (chunk: Buffer) => stdout.push(chunk));
      child.stderr.on("data", (chunk: Buffer) => stderr.push(chunk));
      child.on("error", reject);
      child.on("close", (code) => resolve({ code: code ?? -1, stdout: Buffer.concat(stdout).toString(), stderr: Buffer.concat(stderr).toString() }));
    });
  }

  /** `lily` from the temporary folder, whose `.lily` it makes and finds. */
  lily(...args: readonly string[]): Promise<Ended> {
    return this.run([process.execPath, bin, ...args]);
  }

  /** A command that must end with `code`; what it printed is in the error when it does not. */
  async expectCode(code: number, ...args: readonly string[]): Promise<Ended> {
    const ended = await this.lily(...args);
    if (ended.code !== code) throw new Error(`lily ${args.join(" ")} exited with ${ended.code}, not ${code}\n${ended.stdout}\n${ended.stderr}`);
    return ended;
  }

  async start(file: string, ...args: readonly string[]): Promise<RunView> {
    return JSON.parse((await this.expectCode(0, "run", "start", file, ...args, "--json")).stdout) as RunView;
  }

  async latest(): Promise<RunView> {
    return JSON.parse((await this.expectCode(0, "run", "show", "latest", "--json")).stdout) as RunView;
  }

  async verify(): Promise<VerifyView> {
    return JSON.parse((await this.expectCode(0, "record", "verify", "latest", "--json")).stdout) as VerifyView;
  }

  async artifacts(): Promise<readonly ArtifactView[]> {
    return (JSON.parse((await this.expectCode(0, "artifact", "list", "--run", "latest", "--json")).stdout) as { readonly artifacts: readonly ArtifactView[] })
      .artifacts;
  }

  async payload(artifactId: string): Promise<unknown> {
    return JSON.parse((await this.expectCode(0, "artifact", "get", artifactId)).stdout);
  }

  async provenance(): Promise<ProvenanceGraph> {
    return JSON.parse((await this.expectCode(0, "artifact", "graph", "latest", "--format", "json")).stdout) as ProvenanceGraph;
  }

  async events(): Promise<readonly LedgerEvent[]> {
    const { stdout } = await this.expectCode(0, "record", "show", "latest", "--jsonl");
    return stdout
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as LedgerEvent);
  }

  /** What `npm install lily-kernel` and other packages would leave in the temporary folder. */
  install(...packages: readonly string[]): void {
    const folder = path.join(this.dir, "node_modules");
    mkdirSync(path.join(folder, ".bin"), { recursive: true });
    for (const name of packages) symlinkSync(path.join(repoRoot, "node_modules", name), path.join(folder, name));
    symlinkSync(repoRoot, path.join(folder, "lily-kernel"));
    symlinkSync(bin, path.join(folder, ".bin", "lily"));
  }
}

/** The shell blocks of a page, in order. */
export function shellBlocks(page: string): readonly string[] {
  return [...page.matchAll(/^```sh\n([\s\S]*?)^```$/gm)].map((match) => match[1] ?? "");
}
