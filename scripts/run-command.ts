import { spawn } from "node:child_process";
import path from "node:path";
import process from "node:process";

/** Root of the repository. */
export const repoRoot = path.resolve(import.meta.dirname, "..");

export interface CommandResult {
  readonly code: number;
  /** stdout and stderr, in the order they came. */
  readonly output: string;
  readonly stdout: string;
}

/** Runs a command from the root with node_modules/.bin first on the path; stdin is closed. Never rejects because of an exit code. */
export function runCommand(
  argv: readonly string[],
  options: { readonly cwd?: string; readonly env?: Readonly<Record<string, string>> } = {},
): Promise<CommandResult> {
  const [file = "", ...args] = argv;
  const binPath = path.join(repoRoot, "node_modules", ".bin");
  const env = { ...process.env, PATH: `${binPath}${path.delimiter}${process.env["PATH"] ?? ""}`, NO_COLOR: "1", ...options.env };
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, { cwd: options.cwd ?? repoRoot, env, stdio: ["ignore", "pipe", "pipe"] });
    const all: Buffer[] = [];
    const out: Buffer[] = [];
    child.stdout.on("data", (chunk: Buffer) => {
      all.push(chunk);
      out.push(chunk);
    });
    child.stderr.on("data", (chunk: Buffer) => all.push(chunk));
    child.on("error", reject);
    child.on("close", (code) => resolve({ code: code ?? 1, output: Buffer.concat(all).toString(), stdout: Buffer.concat(out).toString() }));
  });
}
