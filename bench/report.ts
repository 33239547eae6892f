/** The page of a long run: made from its record and plan, against reading and hashing the same record. */
import assert from "node:assert/strict";
import { hash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { gzip } from "node:zlib";
import { reportChecker } from "../src/audit/report-checker.ts";
import { reportDocument } from "../src/audit/report-document.ts";
import { longRecord } from "../test/report/long-record.ts";
import { spread, takeTurns } from "./measure.ts";
import { type Bench, figure, row } from "./row.ts";

const pack = promisify(gzip);
const secondsMax = 2;
const bytesMax = 2_000_000;

export const report: Bench = async ({ dir, quick }) => {
  const steps = 1_000;
  const path = join(dir, "record.jsonl");
  const made = longRecord(steps);
  writeFileSync(path, made.record);
  let size = 0;
  const floor = (): void => {
    const bytes = readFileSync(path);
    let lines = 0;
    for (let start = 0; start < bytes.length; lines++) {
      const end = bytes.indexOf(0x0a, start);
      hash("sha256", bytes.subarray(start, end));
      start = end + 1;
    }
    assert.equal(lines, made.events);
  };
  const subject = async (): Promise<void> => {
    const page = await reportDocument({
      record: readFileSync(path),
      documents: made.documents,
      leaves: [],
      note: null,
      problems: [],
      logHref: (log) => `./${log}`,
      kernelVersion: "0.0.0",
      gzip: (bytes) => pack(bytes, { level: 9 }),
    });
    assert.equal(page.problem, null);
    assert.equal(page.run.events.length, made.events);
    size = Buffer.byteLength(page.html);
  };
  // What the page does in a browser, its comparison with the texts that are shown left out.
  const checking = (): void => {
    const { problem, lines } = reportChecker().checkRecord(made.record);
    assert.equal(problem, null);
    assert.equal(lines.length, made.events);
  };
  const times = await takeTurns(quick ? 3 : 7, { floor, subject, checking });
  const median = spread(times.subject).median;
  const within = median <= secondsMax * 1_000 && size <= bytesMax;
  return [
    row({
      name: "report",
      title: `page of a run of ${steps} steps (${made.events} events)`,
      unit: "ms",
      measured: times.subject,
      floorName: "reading the record and hashing every line",
      floor: times.floor,
      // 2 s for what a machine that hashes as this one does reads and hashes in some 13 ms.
      target: { bound: "at most", ratio: 150 },
      notes: [
        `${(size / 1e6).toFixed(2)} MB; the stated bounds are ${secondsMax} s and ${bytesMax / 1e6} MB: ${within ? "within" : "BEYOND"}`,
        `the check of every hash, link and number by the page's own script: ${figure(spread(times.checking).median)} ms`,
      ],
    }),
  ];
};
