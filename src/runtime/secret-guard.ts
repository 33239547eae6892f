/**
 * Owns: the secret values of one attempt, and keeping them out of what is recorded of it (S4). Texts that Lily writes are redacted; what
 * the step declares as its output is refused, because changing it would record something that the step did not produce.
 * Not responsible for: streams of commands (adapters/process/redactor).
 */
import { LilyError } from "../base/lily-error.ts";
import { byteString, redactText, secretForms } from "../base/secret-forms.ts";
import type { PlanStep } from "../contracts/plan-document.ts";
import type { EnvironmentProbe } from "../ports/environment-probe.ts";
import type { ByteSource } from "../ports/object-store.ts";

/** Shorter values cannot be told from ordinary content of an output; texts are redacted all the same. */
const outputSecretMin = 6;
const encoder = new TextEncoder();

export class SecretGuard {
  readonly #forms: readonly string[];
  readonly #refused: readonly string[];

  constructor(values: readonly string[]) {
    this.#forms = secretForms(values);
    this.#refused = secretForms(values.filter((value) => value.trim().length >= outputSecretMin));
  }

  redact(text: string): string {
    return this.#forms.length === 0 ? text : redactText(text, this.#forms);
  }

  /** Throws STEP_OUTPUT_INVALID when the text holds a secret. */
  refuseText(text: string, output: string): void {
    if (this.#refused.length > 0) this.#refuse(byteString(encoder.encode(text)), output);
  }

  /** The same source; reading it throws STEP_OUTPUT_INVALID where it holds a secret, across the borders of pieces. */
  guardSource(source: ByteSource, output: string): ByteSource {
    const longest = this.#refused[0]?.length ?? 0;
    if (longest === 0) return source;
    let tail = "";
    return {
      read: async (into) => {
        const count = await source.read(into);
        const text = tail + byteString(into.subarray(0, count));
        this.#refuse(text, output);
        tail = text.slice(Math.max(0, text.length - longest + 1));
        return count;
      },
      close: () => source.close(),
    };
  }

  #refuse(bytes: string, output: string): void {
    if (!this.#refused.some((form) => bytes.includes(form))) return;
    throw new LilyError("STEP_OUTPUT_INVALID", `output ${output} holds the value of a secret of the step; it was not stored. Keep secrets out of outputs`, {
      details: { output },
    });
  }
}

/** The secrets that a step names, as the caller has them. */
export function secretGuardOf(probe: EnvironmentProbe, step: PlanStep): SecretGuard {
  return new SecretGuard(Object.values(probe.select(step.secrets)));
}
