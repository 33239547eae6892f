/** Asks the independent checker, which shares no code with Lily, in a process of its own. */
import { type ChildProcessWithoutNullStreams, spawn, spawnSync } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";

const script = join(import.meta.dirname, "lily_check.py");

export function hasPython(): boolean {
  return spawnSync("python3", ["-c", "import hashlib"], { stdio: "ignore" }).status === 0;
}

/** One run of the checker: its exit code and what it printed with --json. */
export function runChecker(args: readonly string[]): { readonly status: number | null; readonly answer: Readonly<Record<string, unknown>> } {
  const { status, stdout } = spawnSync("python3", ["-B", script, ...args, "--json"], { encoding: "utf8", maxBuffer: 64 * 1024 * 1024 });
  const answer: unknown = JSON.parse(stdout === "" ? "{}" : stdout);
  return { status, answer: typeof answer === "object" && answer !== null ? { ...answer } : {} };
}

/** A checker that stays: `ok N HEAD` or `bad WHY` for each record. */
export class PythonChecker {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #answers: AsyncIterator<string>;

  constructor() {
    this.#child = spawn("python3", ["-B", script, "stream"]);
    this.#answers = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]();
  }

  async ask(record: Uint8Array): Promise<string> {
    this.#child.stdin.write(`${Buffer.from(record).toString("base64")}\n`);
    const answer = await this.#answers.next();
    if (answer.done === true) throw new Error("the checker ended");
    return answer.value;
  }

  close(): void {
    this.#child.stdin.end();
  }
}
