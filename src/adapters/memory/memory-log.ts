import { redactText, secretForms } from "../../base/secret-forms.ts";
import type { MemoryFiles } from "./memory-files.ts";

const tailBytesMax = 4_096;

/** One output stream of a command in memory: redacted (S4), cut at its limit, written to a file that was not there before (E2). */
export class MemoryLog {
  readonly #files: MemoryFiles;
  readonly #path: string;
  readonly #bytesMax: number;
  #kept: Uint8Array = new Uint8Array();
  #cut = false;
  #error: string | null = null;

  constructor(files: MemoryFiles, path: string, bytesMax: number) {
    this.#files = files;
    this.#path = path;
    this.#bytesMax = bytesMax;
  }

  get bytes(): number {
    return this.#kept.length;
  }

  /** True when the stream was cut, at the limit or because it could not be written. */
  get cut(): boolean {
    return this.#cut;
  }

  /** Why it could not be written. */
  get error(): string | null {
    return this.#error;
  }

  /** Takes everything that the command says on this stream, once. */
  write(text: string, redact: readonly string[]): void {
    const said = new TextEncoder().encode(redactText(text, secretForms(redact)));
    if (said.length === 0) return;
    this.#cut = said.length > this.#bytesMax;
    const kept = said.subarray(0, this.#bytesMax);
    if (kept.length === 0) return;
    if (this.#files.node(this.#path) === null) {
      this.#kept = kept;
      this.#files.write(this.#path, kept);
    } else {
      this.#cut = true;
      this.#error = `the log ${this.#path} cannot be written: it exists already`;
    }
  }

  /** The end of what was kept, from a whole character on. */
  tail(): string {
    let start = Math.max(0, this.#kept.length - tailBytesMax);
    while (start > 0 && ((this.#kept[start] ?? 0) & 0xc0) === 0x80) start++;
    return new TextDecoder().decode(this.#kept.subarray(start));
  }
}
