/**
 * Owns: the side effects that one attempt of a module reports, from its first word to its last.
 * Invariants
 * - S4 what is recorded of a report holds no secret of the step.
 * - An effect is recorded when it is reported, not when the attempt ends: what an ended or crashed attempt had said is not lost with it.
 * - At most `effectsMax` are recorded, and one more that says where the rest began: what is left out is said.
 * Not responsible for: whether a report is true, and refusing after the attempt's end (the context does that).
 */
import { clipText } from "../base/clip-text.ts";
import { isJsonObject } from "../base/json-value.ts";
import { LilyError } from "../base/lily-error.ts";
import type { EventBody } from "../contracts/event.ts";
import { effectCategories } from "../contracts/events.ts";
import type { ReportedEffect } from "../ports/module-host.ts";
import { effectBody, type EffectFacts } from "./effect-report.ts";
import type { SecretGuard } from "./secret-guard.ts";

const effectsMax = 100;
const textMax = 1_000;
const detailsMax = 16;
const nameMax = 64;

export class ModuleEffects {
  readonly #stepId: string;
  readonly #attempt: number;
  readonly #secrets: SecretGuard;
  readonly #record: (body: EventBody) => void;
  #count = 0;

  constructor(stepId: string, attempt: number, secrets: SecretGuard, record: (body: EventBody) => void) {
    this.#stepId = stepId;
    this.#attempt = attempt;
    this.#secrets = secrets;
    this.#record = record;
  }

  /** What a module passes comes from outside. Throws MODULE_FAILED when it is no effect. */
  report(effect: ReportedEffect): void {
    const facts = this.#checked(effect);
    if (this.#count > effectsMax) return;
    const isLast = this.#count === effectsMax;
    this.#record(effectBody(this.#stepId, this.#attempt, "module", this.#count++, isLast ? cutFacts : facts));
  }

  #checked(effect: unknown): EffectFacts {
    if (!isJsonObject(effect)) throw invalid("it is an object with category, description and, when they are known, reversible and details");
    const { category: named, description, reversible = null, details } = effect;
    const category = effectCategories.find((one) => one === named);
    if (category === undefined) throw invalid(`category is one of ${effectCategories.join(", ")}`);
    if (typeof description !== "string" || description.trim() === "") throw invalid("description says in words what was changed");
    if (reversible !== null && typeof reversible !== "boolean") throw invalid("reversible is true or false, or left out when nobody knows");
    const facts = { category, description: this.#text(description, textMax), reversible };
    return details === undefined ? facts : { ...facts, details: this.#details(details) };
  }

  #details(details: unknown): Readonly<Record<string, string>> {
    if (!isJsonObject(details)) throw invalid("details are texts by name");
    const entries = Object.entries(details);
    if (entries.length > detailsMax) throw invalid(`there are ${entries.length} details, and ${detailsMax} at most`);
    return Object.fromEntries(entries.map(([name, value]) => [this.#text(name, nameMax), this.#text(textOf(name, value), textMax)]));
  }

  /** Secrets go before the text is cut, so that no part of one is left at the cut. */
  #text(text: string, max: number): string {
    return clipText(this.#secrets.redact(text.toWellFormed()), max);
  }
}

const cutFacts: EffectFacts = {
  category: "other",
  description: `the module reported more than ${effectsMax} side effects; those from here on are not recorded`,
  reversible: null,
};

function textOf(name: string, value: unknown): string {
  if (typeof value === "string") return value;
  throw invalid(`detail ${JSON.stringify(clipText(name, nameMax))} is no text`);
}

function invalid(why: string): LilyError {
  return new LilyError("MODULE_FAILED", `context.effect was given what is no side effect: ${why}`);
}
