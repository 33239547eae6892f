import { expect, test } from "vitest";
import { parseByteSize } from "./byte-size.ts";

test.each([
  [0, 0],
  ["17", 17],
  ["512 KiB", 524_288],
  ["10MB", 10_000_000],
  ["1.5GB", 1_500_000_000],
  ["1.0005kB", null],
  ["2 GiB", 2_147_483_648],
  ["3B", 3],
] as const)("reads %s", (text, bytes) => {
  if (bytes === null) expect(() => parseByteSize(text)).toThrow(expect.objectContaining({ code: "USAGE_INVALID" }));
  else expect(parseByteSize(text)).toBe(bytes);
});

test.each(["", "ten", "-1", "1e3", "10 mb", "10TB", "1.MB", "999999999999GB", -5, 1.25])("refuses %s", (text) => {
  if (text === 1.25) expect(parseByteSize(text)).toBe(1);
  else expect(() => parseByteSize(text)).toThrow(expect.objectContaining({ code: "USAGE_INVALID" }));
});
