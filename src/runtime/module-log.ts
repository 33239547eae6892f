import type { LineLog } from "../ports/attempt-folders.ts";

/** Owns: the log lines of one module attempt, redacted before they are kept, bounded, written when the attempt ends. */
export class ModuleLog {
  readonly #redact: readonly string[];
  readonly #bytesMax: number;
  #text = "";
  #cut = false;

  constructor(redact: readonly string[], bytesMax: number) {
    this.#redact = redact;
    this.#bytesMax = bytesMax;
  }

  get cut(): boolean {
    return this.#cut;
  }

  get hasText(): boolean {
    return this.#text !== "";
  }

  write(line: string): void {
    if (this.#cut) return;
    let clean = line;
    for (const secret of this.#redact) clean = clean.split(secret).join("[redacted]");
    if (this.#text.length + clean.length >= this.#bytesMax) {
      this.#cut = true;
      return;
    }
    this.#text += `${clean}\n`;
  }

  /** Writes what there is; nothing when there is nothing. */
  async flush(log: LineLog): Promise<void> {
    if (this.#text !== "") await log.writeLog(this.#text);
  }
}
