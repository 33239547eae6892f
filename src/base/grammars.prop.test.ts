/** The small grammars that become paths, keys and times, each against another way to say the same. */
import fc from "fast-check";
import { posix } from "node:path";
import { describe, expect, test } from "vitest";
import { durationMsMax, durationText, parseDuration } from "./duration.ts";
import { caseTwins, isIdentifier, parseIdentifier } from "./identifier.ts";
import { parseRelativePath, relativePathProblem } from "./relative-path.ts";
import { timeMs, timeText } from "./time-text.ts";

const byteLength = (text: string): number => new TextEncoder().encode(text).length;

describe("a relative path", () => {
  const segment = fc.oneof(fc.string({ unit: "grapheme", maxLength: 6 }), fc.constantFrom("..", ".", "", "a", "a.b", "...", "C:", "\\", "\u0000", "\ud800"));
  const path = fc.array(segment, { maxLength: 5 }).map((segments) => segments.join("/"));

  test("that is accepted stays inside its root, in the form in which it was written", () => {
    fc.assert(
      fc.property(path, (text) => {
        if (relativePathProblem(text) !== null) {
          expect(() => parseRelativePath(text)).toThrow(expect.objectContaining({ code: "PATH_INVALID" }));
          return;
        }
        expect(parseRelativePath(text)).toBe(text);
        expect(posix.join("/root", text)).toBe(`/root/${text}`);
      }),
      { numRuns: 1_000 },
    );
  });

  test.each([
    ["", "is empty"],
    ["/etc/passwd", "is absolute"],
    ["C:/x", "names a drive"],
    ["a\\b", "has a backslash"],
    ["a\u0000b", "has a control character"],
    ["a\u007f", "has a control character"],
    ["a\ud800", "is not well-formed Unicode"],
    ["a//b", "has an empty segment"],
    ["a/", "has an empty segment"],
    ["./a", "has a '.' segment"],
    ["a/../b", "has a '..' segment"],
  ])("%j %s", (text, problem) => {
    expect(relativePathProblem(text)).toBe(problem);
  });

  test("is limited in bytes, not in characters", () => {
    expect(relativePathProblem("\u00e9".repeat(127))).toBeNull();
    expect(relativePathProblem("\u00e9".repeat(128))).toBe("has a segment longer than 255 bytes");
    const long = Array.from({ length: 5 }, () => "\u00e9".repeat(102)).join("/");
    expect(byteLength(long)).toBe(1024);
    expect(relativePathProblem(long)).toBeNull();
    expect(relativePathProblem(`${long}x`)).toBe("is longer than 1024 bytes");
  });
});

describe("an identifier", () => {
  test("is one safe path segment that no shell, glob or URL changes", () => {
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: "grapheme" }), fc.string({ unit: fc.constantFrom(..."aZ09._-/ \n") })), (text) => {
        if (!isIdentifier(text)) {
          expect(() => parseIdentifier(text, "step id")).toThrow(/step id [\s\S]* is not an identifier/);
          return;
        }
        expect(parseIdentifier(text, "step id")).toBe(text);
        expect(relativePathProblem(text)).toBeNull();
        expect(text).not.toContain("/");
        expect(encodeURIComponent(text)).toBe(text);
      }),
      { numRuns: 1_000 },
    );
  });

  test.each(["", ".", "..", "a..b", "-a", "_a", "a/b", "a\n", "\u0430", "a".repeat(129)])("ID_INVALID: refuses %j", (text) => {
    expect(() => parseIdentifier(text, "id")).toThrow(expect.objectContaining({ code: "ID_INVALID", details: { what: "id" } }));
  });

  test("is only ever a string", () => {
    for (const value of [1, null, undefined, ["a"]]) expect(isIdentifier(value)).toBe(false);
  });

  test("has a twin exactly when another one differs from it in case only", () => {
    const id = fc.string({ unit: fc.constantFrom("a", "A", "b", "B"), minLength: 1, maxLength: 2 });
    fc.assert(
      fc.property(fc.array(id, { maxLength: 8 }), (ids) => {
        const twins = caseTwins(ids);
        for (const [first, second] of twins) {
          expect(first.toLowerCase()).toBe(second.toLowerCase());
          expect(first).not.toBe(second);
        }
        const distinct = new Set(ids).size;
        expect(twins.length > 0).toBe(new Set(ids.map((text) => text.toLowerCase())).size < distinct);
      }),
    );
  });
});

describe("a duration", () => {
  test("is its number times its unit, to the millisecond", () => {
    const units = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 } as const;
    fc.assert(
      fc.property(fc.nat({ max: 700 }), fc.nat({ max: 999 }), fc.constantFrom("ms", "s", "m", "h"), (whole, thousandths, unit) => {
        expect(parseDuration(`${whole}${unit}`)).toBe(whole * units[unit]);
        const text = `${whole}.${String(thousandths).padStart(3, "0")}${unit}`;
        expect(parseDuration(text)).toBe(Math.round(((whole * 1_000 + thousandths) * units[unit]) / 1_000));
      }),
    );
  });

  test.each(["", "5", "s", "-1s", "+1s", "1 s", "1d", "1S", "1e3s", "1.s", ".5s", "1.0000s", "1s2s", "\u0661s", "1234567890123ms"])(
    "DURATION_INVALID: refuses %j",
    (text) => {
      expect(() => parseDuration(text)).toThrow(expect.objectContaining({ code: "DURATION_INVALID" }));
    },
  );

  test("is at most 30 days", () => {
    expect(parseDuration("720h")).toBe(durationMsMax);
    expect(() => parseDuration("720.001h")).toThrow(/longer than 30 days/);
  });

  test.each([
    [0, "0 ms"],
    [999, "999 ms"],
    [999.6, "1.0 s"],
    [59_960, "1 m 0 s"],
    [119_600, "2 m 0 s"],
    [7_199_000, "2 h 0 m"],
    [1_000, "1.0 s"],
    [3_400, "3.4 s"],
    [125_000, "2 m 5 s"],
    [3_600_000, "1 h 0 m"],
    [5_400_000, "1 h 30 m"],
  ])("of %d ms is shown as %s", (durationMs, text) => {
    expect(durationText(durationMs)).toBe(text);
  });

  test("is never shown with sixty seconds or sixty minutes", () => {
    const nearlyWhole = fc.tuple(fc.constantFrom(1_000, 60_000, 3_600_000), fc.nat({ max: 200 }), fc.double({ min: 0, max: 600, noNaN: true }));
    const durations = fc.oneof(
      fc.nat({ max: durationMsMax }),
      nearlyWhole.map(([unitMs, count, less]) => Math.max(0, unitMs * count - less)),
    );
    fc.assert(
      fc.property(durations, (durationMs) => {
        expect(durationText(durationMs)).not.toMatch(/\b(?:1000 ms|60(?:\.0)? [sm])/);
      }),
    );
  });
});

describe("a time", () => {
  test("is RFC 3339 with milliseconds and Z, and is read back as it was", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: Date.UTC(9999, 11, 31) }), (wallMs) => {
        expect(timeText(wallMs)).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
        expect(timeMs(timeText(wallMs))).toBe(wallMs);
      }),
    );
  });

  test("asked for again is the same, also after another one", () => {
    const [first, other] = [timeText(1), timeText(2)];
    expect([timeText(1), timeText(1), timeText(2)]).toEqual([first, first, other]);
    expect(timeMs("yesterday")).toBeNaN();
  });
});
