import { describe, expect, test } from "vitest";
import { assert, unreachable } from "./assert.ts";
import { errorTable, isErrorCode } from "./error-table.ts";
import { isJsonObject } from "./json-value.ts";
import { isLilyError, LilyError, messageOf } from "./lily-error.ts";

describe("LilyError", () => {
  test("carries code, details, cause and the row of its code", () => {
    const cause = new Error("disk");
    const error = new LilyError("STORAGE_FULL", "no space", { details: { path: "a" }, cause });
    expect(error).toMatchObject({ name: "LilyError", code: "STORAGE_FULL", message: "no space", details: { path: "a" }, cause });
    expect(error.entry).toBe(errorTable.STORAGE_FULL);
    expect(Object.hasOwn(new LilyError("STORAGE_FULL", "x"), "cause")).toBe(false);
  });

  test("is known by any of the codes asked for, and nothing else is", () => {
    const error = new LilyError("STORAGE_FULL", "x");
    expect([isLilyError(error), isLilyError(error, "STORAGE_FAILED", "STORAGE_FULL"), isLilyError(error, "STORAGE_FAILED")]).toEqual([true, true, false]);
    expect(isLilyError({ code: "STORAGE_FULL" })).toBe(false);
    expect(isErrorCode("STORAGE_FULL") && !isErrorCode("toString")).toBe(true);
  });

  test("anything thrown has a message", () => {
    expect([messageOf(new Error("a")), messageOf("b"), messageOf(null)]).toEqual(["a", "b", "null"]);
  });
});

describe("assertions", () => {
  test("INTERNAL_INVARIANT: a broken one says which invariant it is", () => {
    expect(() => assert(true, "L1: unused")).not.toThrow();
    expect(() => assert(0, "L1: sequence must grow by one")).toThrow(
      expect.objectContaining({ code: "INTERNAL_INVARIANT", message: "L1: sequence must grow by one" }),
    );
    expect(() => unreachable("new kind" as never)).toThrow(/unreachable: new kind/);
  });
});

describe("isJsonObject", () => {
  test("takes plain objects and those without a prototype, nothing else", () => {
    expect([isJsonObject({}), isJsonObject(Object.create(null))]).toEqual([true, true]);
    for (const value of [null, [], "x", 1, new Date(0), new Map()]) expect(isJsonObject(value)).toBe(false);
  });
});
