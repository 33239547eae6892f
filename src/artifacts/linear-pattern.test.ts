import { describe, expect, it } from "vitest";
import { compileLinearPattern } from "./linear-pattern.ts";

const evil = [
  "^(a+)+$",
  "^(a*)*$",
  "^(a|a)*$",
  "^(a|aa)+$",
  "(a+){10}b",
  "^(([a-z])+.)+[A-Z]([a-z])+$",
  "(x+x+)+y",
  "a*a*a*a*a*a*b",
  "^(a?){30}a{30}$",
  "(.*a){12}",
  "^((a+)+)+$",
  "(?:(?:a?)*)*b",
  "([a-zA-Z]+)*$",
  "^(\\w+\\s?)*$",
  "(a|b|ab)*c",
  "^.*.*.*.*=.*$",
  "(\\d+)*x",
  "^(?:a+)+?$",
  "[\\s\\S]*[\\s\\S]*[\\s\\S]*x",
  "\\b(\\w+\\b)*\\B$",
];
const texts = [
  "a".repeat(5_000),
  `${"a".repeat(5_000)}!`,
  "x".repeat(3_000),
  "ab".repeat(2_500),
  `${"word ".repeat(1_000)}!`,
  "",
  "1".repeat(4_000),
  "=".repeat(4_000),
  "\u{1f600}".repeat(1_000),
  "aA".repeat(2_000),
];

describe("linear patterns", () => {
  it.each(evil)("%s ends on every text, however long a backtracking engine would take", (pattern) => {
    const compiled = compileLinearPattern(pattern);
    for (const text of texts) expect(typeof compiled.test(text)).toBe("boolean");
  });

  it.each(["a(?=b)", "a(?!b)", "(?<=a)b", "(?<!a)b", "(a)\\1", "(?<n>a)\\k<n>", "(?i:a)", "a{5000}", "(a{100}){100}", "(", "[", "a**", "x".repeat(5_000)])(
    "SCHEMA_INVALID: refuses %s",
    (pattern) => {
      expect(() => compileLinearPattern(pattern)).toThrow(expect.objectContaining({ code: "SCHEMA_INVALID" }));
    },
  );

  it("repeating nothing a billion times is nothing", () => {
    expect(compileLinearPattern("^(?:){1000000000}$").test("")).toBe(true);
    expect(compileLinearPattern("(?:^){3}a").test("a")).toBe(true);
  });

  it("INPUT_TOO_LARGE: a text that would take long even so is refused, not judged", () => {
    expect(() => compileLinearPattern("(?:a{500}|b)").test("a".repeat(1_000_000))).toThrow(expect.objectContaining({ code: "INPUT_TOO_LARGE" }));
  });
});
