import { describe, expect, test } from "vitest";
import { isSchemaId, parseRunId, parseStreamId, runOfStream, runStream, workspaceStream } from "./ids.ts";

describe("ids", () => {
  test("a run id is a lowercase identifier", () => {
    expect(parseRunId("019a-b.c_d")).toBe("019a-b.c_d");
    for (const text of ["Run-1", "../x", "", "a b"]) expect(() => parseRunId(text)).toThrow(expect.objectContaining({ code: "ID_INVALID" }));
  });

  test("a schema id ends in a version that counts from one", () => {
    expect(["a.v1", "weather_table.v12", "a.b_c.v999999"].every(isSchemaId)).toBe(true);
    const refused: readonly unknown[] = ["a", "a.v0", "a.v01", "A.v1", "1a.v1", "a..v1", "a.v1000000", ".v1", `${"a".repeat(126)}.v1`, 1, null];
    expect(refused.filter(isSchemaId)).toEqual([]);
  });

  test("a stream is the workspace, a run's or a directive's", () => {
    const run = parseRunId("run-a");
    expect(parseStreamId("workspace")).toBe(workspaceStream);
    expect(parseStreamId("run/run-a")).toBe(runStream(run));
    expect(runOfStream(runStream(run))).toBe(run);
    expect(runOfStream(parseStreamId("directive/D1"))).toBeNull();
    expect(runOfStream(workspaceStream)).toBeNull();
  });

  test.each(["", "run", "run/", "run/a/b", "run/../x", "other/a", "/run/a", "workspace/x"])("ID_INVALID: refuses the stream %j", (text) => {
    expect(() => parseStreamId(text)).toThrow(expect.objectContaining({ code: "ID_INVALID" }));
  });
});
