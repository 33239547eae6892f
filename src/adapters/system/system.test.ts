import { describe, expect, test } from "vitest";
import { clockConformance } from "../../testkit/clock-conformance.ts";
import { idSourceConformance } from "../../testkit/id-source-conformance.ts";
import { systemClock } from "./clock.ts";
import { systemIds, uuidV7 } from "./id-source.ts";

describe("clock of this machine", () => {
  clockConformance(async () => ({ clock: systemClock, pass: async () => undefined }));

  test("wall time is of this age", () => {
    expect(systemClock.nowMs()).toBeGreaterThan(Date.UTC(2026, 0));
  });
});

describe("ids of this machine", () => {
  const pattern = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

  idSourceConformance(async () => systemIds);

  test("run ids are lowercase UUIDv7", () => {
    for (let count = 0; count < 100; count++) expect(systemIds.runId()).toMatch(pattern);
  });

  test("the own UUIDv7 holds the time", () => {
    const id = uuidV7(0x0123456789ab);
    expect(id).toMatch(pattern);
    expect(id.startsWith("01234567-89ab-7")).toBe(true);
  });
});
