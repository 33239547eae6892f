/** One run in a process of its own: how long its steps took, how long a reader needs for its record, how much memory it all took. */
import process from "node:process";
import { chainOf, moduleStep, openWorkspace, peakMegabytes, start } from "./subject.ts";

const [dir = "", count = "0"] = process.argv.slice(2);
const steps = Number(count);
const kernel = await openWorkspace(dir);
const warm = await (await start(kernel, dir, chainOf(1_000, moduleStep), 1)).done();
const startedAt = performance.now();
const handle = await start(kernel, dir, chainOf(steps, moduleStep), 1);
const startMs = performance.now() - startedAt;
const drivenAt = performance.now();
const view = await handle.done();
const driveMs = performance.now() - drivenAt;
const peak = peakMegabytes();
const verified = await kernel.records.verify(view.run_id);
const ok = warm.status === "succeeded" && view.status === "succeeded" && view.steps.length === steps && verified.result === "anchored";
await kernel.close();
process.stdout.write(JSON.stringify({ ok, startMs, driveMs, peak, events: verified.events }));
