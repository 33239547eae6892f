import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { RollbackScaffold } from "../artifacts/builtin-schemas.ts";
import { confirmRollback } from "./confirm-rollback.ts";

const possible: RollbackScaffold = {
  execution_id: "run-a",
  is_rollback_possible: true,
  reason: "the run failed",
  rollback_hints: [],
  warnings: [],
  irreversible_steps: [],
  manual_steps: [],
};

describe("a rollback confirmation", () => {
  it.each(["yes", "yes\n", " yes\r\n"])("H6: takes %j", (typed) => {
    expect(confirmRollback(possible, typed)).toEqual({ confirmed: true, text: expect.stringContaining("NOT EXECUTED") });
  });

  it.each(["", "y", "Yes", "YES", "no", "yes please", "yesyes", "\u00a0y e s", "ye\u200bs", "1", "true"])("H6: does not take %j", (typed) => {
    expect(confirmRollback(possible, typed)).toEqual({ confirmed: false, text: expect.stringContaining("only a typed yes") });
  });

  it("H6: does not take silence, nor any other text", () => {
    expect(confirmRollback(possible, null)).toEqual({ confirmed: false, text: expect.stringContaining("nobody answered") });
    fc.assert(fc.property(fc.string(), (text) => confirmRollback(possible, text).confirmed === (text.trim() === "yes")));
  });

  it("H6: is never given where nothing can be undone", () => {
    expect(confirmRollback({ ...possible, is_rollback_possible: false }, "yes")).toEqual({
      confirmed: false,
      text: "Rollback is not possible: the run failed",
    });
  });
});
