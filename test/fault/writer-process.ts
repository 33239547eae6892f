import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { Acknowledged } from "./acknowledged.ts";

/** A writer and what it was told so far. */
export class WriterProcess {
  readonly acknowledged = new Acknowledged();
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #ended: Promise<void>;
  #errors = "";

  constructor(dir: string, seed: number, mode: "free" | "ack") {
    this.#child = spawn(process.execPath, [join(import.meta.dirname, "writer.ts"), dir, String(seed), mode]);
    this.#child.stdout.setEncoding("utf8").on("data", (text: string) => this.acknowledged.take(text));
    this.#child.stderr.setEncoding("utf8").on("data", (text: string) => (this.#errors += text));
    this.#ended = new Promise((resolve) => void this.#child.on("close", () => resolve()));
  }

  get hasEnded(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  /** Waits until the condition holds; a writer that ends by itself is an error. */
  async until(condition: () => boolean): Promise<void> {
    while (!condition()) {
      if (this.hasEnded) throw new Error(`the writer ended: ${this.#errors.slice(0, 2_000)}`);
      await delay(1);
    }
  }

  /** Stops it, and waits until everything it wrote to the pipe was read. */
  async freeze(): Promise<void> {
    const { pid } = this.#child;
    if (pid === undefined) throw new Error("the writer has no process");
    process.kill(pid, "SIGSTOP");
    while (!/\) T /.test(readFileSync(`/proc/${pid}/stat`, "latin1"))) await delay(1);
  }

  /** What was acknowledged before the freeze but still lies in the pipe. */
  async drained(): Promise<void> {
    for (let quiet = 0, seen = -1; quiet < 3; ) {
      await new Promise((resolve) => setImmediate(resolve));
      const now = this.acknowledged.objects.length + [...this.acknowledged.events.values()].reduce((sum, hashes) => sum + hashes.length, 0);
      quiet = now === seen ? quiet + 1 : 0;
      seen = now;
    }
  }

  thaw(): void {
    this.#child.kill("SIGCONT");
  }

  /** Lets a writer in `ack` mode do its next round. */
  next(): void {
    this.#child.stdin.write("n");
  }

  async kill(): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#ended;
  }
}
