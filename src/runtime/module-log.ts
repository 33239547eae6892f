import type { LineLog } from "../ports/attempt-folders.ts";
import type { SecretGuard } from "./secret-guard.ts";

const encoder = new TextEncoder();

/** Owns: the log lines of one module attempt, redacted before they are kept, bounded, written when the attempt ends. */
export class ModuleLog {
  readonly #secrets: SecretGuard;
  readonly #bytesMax: number;
  #text = "";
  #bytes = 0;
  #cut = false;

  constructor(secrets: SecretGuard, bytesMax: number) {
    this.#secrets = secrets;
    this.#bytesMax = bytesMax;
  }

  /** True when lines were left out because the limit was reached. */
  get cut(): boolean {
    return this.#cut;
  }

  get bytes(): number {
    return this.#bytes;
  }

  write(line: string): void {
    if (this.#cut) return;
    const clean = `${this.#secrets.redact(line.toWellFormed())}\n`;
    const bytes = this.#bytes + encoder.encode(clean).length;
    this.#cut = bytes > this.#bytesMax;
    if (this.#cut) return;
    this.#bytes = bytes;
    this.#text += clean;
  }

  /** Writes what there is; nothing when there is nothing. */
  async flush(log: LineLog): Promise<void> {
    if (this.#text !== "") await log.writeLog(this.#text);
  }
}
