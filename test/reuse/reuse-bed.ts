/** A workflow of one pure step, and how its decisions are read. */
import type { JsonObject } from "../../src/base/json-value.ts";
import type { EventOf, LedgerEvent } from "../../src/contracts/event.ts";
import { Bed, flow, type Ran } from "../runtime/bed.ts";

export const made: JsonObject = {
  run: ["sh", "a.sh"],
  uses: ["a.sh"],
  reads: ["data"],
  workdir: "isolated",
  pure: true,
  outputs: { o: { path: "out.txt" } },
};

export function one(more: JsonObject = {}, rest: JsonObject = {}): JsonObject {
  return flow({ a: { ...made, ...more } }, { inputs: { data: { file: "data.txt" } }, ...rest });
}

export function decisionOf(events: readonly LedgerEvent[], step = "a"): EventOf<"STEP_STARTED" | "STEP_REUSED"> {
  const found = events.findLast(
    (event): event is EventOf<"STEP_STARTED" | "STEP_REUSED"> => (event.kind === "STEP_STARTED" || event.kind === "STEP_REUSED") && event.data.step_id === step,
  );
  if (found === undefined) throw new Error(`step ${step} was not decided`);
  return found;
}

/** A bed with the files of the step, and what tests ask of it. */
export class ReuseBed extends Bed {
  constructor() {
    super();
    this.write("a.sh", "{ cat data.txt; echo made; } > out.txt\n");
    this.write("lib.sh", "x=1\n");
    this.write("data.txt", "data\n");
  }

  async because({ view }: Ran, step = "a"): Promise<string> {
    return (await (await this.kernel()).runs.why(view.run_id, step)).because;
  }

  /** Runs twice and gives the second. */
  async again(document: JsonObject, between: (first: Ran) => Promise<void> | void = () => {}): Promise<Ran> {
    const first = await this.run(document);
    await between(first);
    return this.run(document);
  }
}
