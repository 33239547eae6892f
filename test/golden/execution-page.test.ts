import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { made, type PlanSteps } from "../audit/page-plan.ts";
import { checkExecutionRecord } from "../../src/audit/check-execution-record.ts";
import { foldExecutionRecord } from "../../src/audit/execution-record.ts";
import { rollbackOf } from "../../src/audit/rollback-planner.ts";
import { isEventKind } from "../../src/contracts/events.ts";
import type { LedgerEvent } from "../../src/contracts/event.ts";
import { decodeEvent } from "../../src/ledger/event-line.ts";

const page = readFileSync(join(import.meta.dirname, "../../docs/formats/execution-record.md"), "utf8");

function example(name: string): string {
  for (const match of page.matchAll(/^```\w+ id=([\w-]+)\n([\s\S]*?)\n```$/gm)) if (match[1] === name) return match[2] ?? "";
  throw new Error(`the page has no example ${name}`);
}

function eventOf(line: string): LedgerEvent {
  const event = decodeEvent(new TextEncoder().encode(`${line}\n`));
  const kind: string = event.kind;
  if (!isEventKind(kind)) throw new Error(`${kind} is no kind of event`);
  return JSON.parse(line);
}

describe("docs/formats/execution-record.md", () => {
  const events = example("events").split("\n").map(eventOf);
  const steps: PlanSteps = JSON.parse(example("steps"));
  const plan = made(steps);

  it("H1: its events and effects give its record, byte for byte", () => {
    const record = foldExecutionRecord(events, plan);
    expect(record).toEqual(JSON.parse(example("record")));
    expect(checkExecutionRecord(JSON.parse(example("record")), events, plan)).toEqual([]);
  });

  it("H1: its digest is over all that the record says, and needs no program of Lily", () => {
    const { execution_hash: named, ...content } = JSON.parse(example("record"));
    // The example is in canonical form: taking a member out of it leaves one.
    const text = JSON.stringify(content);
    expect(example("record")).toBe(`${text.slice(0, text.indexOf('"execution_id"'))}"execution_hash":"${named}",${text.slice(text.indexOf('"execution_id"'))}`);
    expect(`sha256:${createHash("sha256").update(`lily/execution/v1\n${text}`).digest("hex")}`).toBe(example("hash"));
    expect(named).toBe(example("hash"));
  });

  it("H6: its record gives its guidance", () => {
    expect(rollbackOf(JSON.parse(example("record")), plan)).toEqual(JSON.parse(example("scaffold")));
  });
});
