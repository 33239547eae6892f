/**
 * Asks for earlier results before a pure step starts for the first time in its run.
 *
 * Owns: which steps are being looked up, and what was found for those that are to start.
 * States of a step: nothing known -> looking -> reused (the delivery is taken) | to start (the start takes the why) | nothing known
 * again, when the run went another way meanwhile.
 * Invariants
 * - A lookup changes nothing by itself: what it found is a delivery, dropped whole when the step is not where it was.
 * - At most `lookupsMax` at a time, so that those held are few.
 * Not responsible for: what is looked up (reuse-lookup).
 */
import { assert } from "../base/assert.ts";
import type { StepState } from "../graph/run-state.ts";
import type { Delivery } from "./effect.ts";
import { type LookedUp, type LookupParts, lookUp } from "./reuse-lookup.ts";
import type { RunContext } from "./run-context.ts";
import type { StartVerdict } from "./run-shell.ts";
import { SourceResults } from "./source-results.ts";
import { artifactIdsOf, gateReferences, stepReferences } from "./step-references.ts";
import { storedBody } from "./step-report.ts";
import { materialReaderOf } from "./step-materials.ts";

const lookupsMax = 32;

interface Entry {
  /** Everything about the step and the run that the lookup stands on. */
  readonly readiness: string;
  found: Extract<LookedUp, { readonly kind: "start" }> | null;
}

export class ReuseDesk {
  readonly #parts: LookupParts;
  readonly #deliver: (delivery: Delivery) => void;
  readonly #entries = new Map<number, Entry>();
  #looking = 0;

  constructor(run: RunContext, deliver: (delivery: Delivery) => void) {
    this.#parts = { run, materials: materialReaderOf(run), sources: new SourceResults(run.deps) };
    this.#deliver = deliver;
  }

  isLooking(step: StepState): boolean {
    return this.#entries.get(step.index)?.found === null;
  }

  /** Null: nothing is to be looked up for this start. */
  beforeStart(step: StepState): StartVerdict | null {
    if (!this.#asks(step)) return null;
    const known = this.#entries.get(step.index);
    if (known !== undefined && known.found !== null) {
      this.#entries.delete(step.index);
      if (known.readiness === this.#readiness(step)) {
        const { why } = known.found;
        return { kind: "start", bodies: [storedBody(why)], why: why.artifact.artifact_id };
      }
    }
    if (this.#looking < lookupsMax) this.#look(step);
    return { kind: "wait" };
  }

  /** A step that was done or reused before in this run is asked for again by somebody: it is done. */
  #asks({ plan, cause, attempt, reuses }: StepState): boolean {
    return plan.pure && this.#parts.run.state.reuse && cause === "ready" && attempt === 0 && reuses === 0;
  }

  #look(step: StepState): void {
    const entry: Entry = { readiness: this.#readiness(step), found: null };
    this.#entries.set(step.index, entry);
    this.#looking++;
    lookUp(this.#parts, step).then(
      (found) => this.#finish(step, entry, found),
      (thrown: unknown) => {
        this.#looking--;
        // A mistake of this program: asked in the run's own turn, it stops the run as any other does.
        const isStale = (): boolean => {
          throw thrown;
        };
        this.#deliver({ bodies: [], isStale });
      },
    );
  }

  #finish(step: StepState, entry: Entry, found: LookedUp): void {
    this.#looking--;
    if (found.kind === "start") {
      entry.found = found;
      return this.#deliver({ bodies: [] });
    }
    const isStale = (): boolean => {
      assert(this.#entries.get(step.index) === entry, "E1: a step that is looked up is held");
      this.#entries.delete(step.index);
      const { state } = this.#parts.run;
      return state.phase !== "running" || state.ending !== null || step.phase !== "ready" || entry.readiness !== this.#readiness(step);
    };
    this.#deliver({ bodies: found.bodies, isStale });
  }

  #readiness({ plan, cause, attempt, reuses }: StepState): string {
    const references = [...stepReferences(plan), ...plan.gates.flatMap(gateReferences)];
    return JSON.stringify([cause, attempt, reuses, artifactIdsOf(this.#parts.run.state, references)]);
  }
}
