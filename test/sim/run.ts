/** `npm run sim -- --seed N --runs N`: simulated runs of the scheduler. Prints the first seed that breaks an invariant, with its record. */
import process from "node:process";
import { parseArgs } from "node:util";
import { simulateSeed } from "./simulate-seed.ts";

const { values } = parseArgs({
  options: { seed: { type: "string", default: "1" }, runs: { type: "string", default: "20000" }, show: { type: "boolean", default: false } },
});
const first = Number(values.seed);
const runs = Number(values.runs);
const startedAtMs = performance.now();
const outcomes = new Map<string, number>();
let events = 0;
let crashes = 0;
let refused = 0;
let requests = 0;
let reuses = 0;
let violations = 0;

for (let seed = first; seed < first + runs; seed++) {
  try {
    const run = simulateSeed(seed);
    events += run.events.length;
    crashes += run.crashes;
    refused += run.refused;
    requests += run.requests;
    reuses += run.reuses;
    outcomes.set(run.state.phase, (outcomes.get(run.state.phase) ?? 0) + 1);
    if (values.show) for (const event of run.events) process.stdout.write(`${event.kind} ${JSON.stringify(event.data)}\n`);
  } catch (thrown) {
    violations++;
    process.stdout.write(`seed ${seed}: ${thrown instanceof Error ? thrown.message : String(thrown)}\n`);
    if (violations >= 10) break;
  }
}

const seconds = ((performance.now() - startedAtMs) / 1000).toFixed(1);
const ends = [...outcomes].map(([outcome, count]) => `${count} ${outcome}`).join(", ");
process.stdout.write(
  `${runs} runs from seed ${first}: ${violations} violations, ${events} events, ${crashes} crashes, ${refused} illegal events refused, ${requests} requests of a person, ${reuses} reuses; ${ends}; ${seconds} s\n`,
);
process.exitCode = violations === 0 ? 0 : 1;
