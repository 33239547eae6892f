import { execFileSync } from "node:child_process";
import process from "node:process";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { JsonValue } from "../base/json-value.ts";
import { isLilyError } from "../base/lily-error.ts";
import { referencesIn, resolveArgv, resolveText, resolveValue } from "./resolve-template.ts";
import { parseTemplate, referenceText, type Reference } from "./template.ts";

const lookupOf = (value: JsonValue) => () => value;
const codeOf = (act: () => unknown): string => {
  try {
    act();
  } catch (error) {
    return isLilyError(error) ? error.code : "other";
  }
  return "none";
};

const hostileParts = [
  "$(id)",
  "`id`",
  "; rm -rf /",
  "&& true",
  "| cat",
  "> x",
  "'",
  '"',
  "\\",
  "\n",
  "\r\n",
  "\t",
  " ",
  "{{x}}",
  "{{{x}}}",
  "<%= x %>",
  "#{x}",
  "%s",
  "%n",
  "$&",
  "$1",
  "$$",
  "$`",
  "$'",
  "$<name>",
  "${params.x}",
  "${inputs.csv}",
  "${steps.a.outputs.o}",
  "${attempt}",
  "$${",
  "${",
  "}",
  "*",
  "?",
  "[a]",
  "~",
  "~root",
  "!x",
  "--",
  "-rf",
  "--upload-pack=x",
  "-",
  "@file",
  "%PATH%",
  "\u202e",
  "\u200b",
  "\ufeff",
  "\u0000x".slice(1),
  "é",
  "😀",
  "e\u0301",
  "\u0001",
  "\u007f",
  "",
];
/** 500 values from hostile parts, always the same. */
const payloads = Array.from({ length: 500 }, (_, index) => {
  const first = hostileParts[index % hostileParts.length] ?? "";
  const second = hostileParts[(index * 7 + Math.floor(index / hostileParts.length)) % hostileParts.length] ?? "";
  return `${first}${second}${index}`;
});

describe("references", () => {
  test.each<[string, Reference]>([
    ["${params.a}", { kind: "param", name: "a" }],
    ["${inputs.a.b}", { kind: "input", name: "a.b" }],
    ["${steps.a.b.outputs.c}", { kind: "output", step: "a.b", output: "c" }],
    ["${steps.a.outputs.b.outputs.c}", { kind: "output", step: "a", output: "b.outputs.c" }],
    ["${attempt}", { kind: "attempt" }],
    ["${route}", { kind: "route" }],
    ["${run.id}", { kind: "run_id" }],
  ])("%s is read and written alike", (text, reference) => {
    expect(parseTemplate(text)).toEqual([{ kind: "reference", reference, source: text }]);
    expect(referenceText(reference)).toBe(text);
  });

  test.each([
    "${}",
    "${params}",
    "${params.}",
    "${params.-x}",
    "${steps.a}",
    "${steps.a.outputs.}",
    "${steps..outputs.x}",
    "${Params.x}",
    "${run.ID}",
    "${params.x y}",
    "${attempt.x}",
    "${",
  ])("%s is malformed, and resolving it is refused", (text) => {
    expect(parseTemplate(text).map((piece) => piece.kind)).toEqual(["malformed"]);
    expect(codeOf(() => resolveText(text, lookupOf("x")))).toBe("WORKFLOW_INVALID");
    expect(referencesIn(text)).toEqual([]);
  });

  test.each([
    ["$${params.a}", "${params.a}"],
    ["$$${params.a}", "$${params.a}"],
    ["$$", "$$"],
    ["$", "$"],
    ["a$b}", "a$b}"],
    ["${params.a}}", "V}"],
    ["$x${params.a}$", "$xV$"],
    ["$${$${", "${${"],
  ])("%s resolves to %s", (text, expected) => {
    expect(resolveText(text, lookupOf("V"))).toBe(expected);
  });

  test("a whole item gives the typed value, an embedded one gives text", () => {
    const value = { whole: "${params.n}", text: "n=${params.n}", list: ["${params.n}", 1, null, true], "${params.k}": "$${" };
    expect(resolveValue(value, lookupOf({ a: [1, 1.5] }))).toEqual({
      whole: { a: [1, 1.5] },
      text: 'n={"a":[1,1.5]}',
      list: [{ a: [1, 1.5] }, 1, null, true],
      "${params.k}": "${",
    });
  });

  test("references of a nested value come in order, repeated", () => {
    expect(referencesIn({ a: ["${params.x} ${inputs.y}", { b: "${params.x}" }], c: 5, d: null }).map(referenceText)).toEqual([
      "${params.x}",
      "${inputs.y}",
      "${params.x}",
    ]);
  });

  test("a value is never read as a template, a pattern or a second item", () => {
    for (const payload of payloads) {
      expect(resolveText("a${params.x}b${params.x}", lookupOf(payload))).toBe(`a${payload}b${payload}`);
      expect(resolveValue({ v: "${params.x}" }, lookupOf(payload))).toEqual({ v: payload });
      expect(resolveArgv(["p", "--", "${params.x}", "--x=${params.x}"], lookupOf(payload))).toEqual(["p", "--", payload, `--x=${payload}`]);
    }
  });

  test("500 hostile values reach a program's argv and environment byte for byte", () => {
    const argv = resolveArgv(
      payloads.map((_, index) => `=\${params.p${index}}`),
      (reference) => (reference.kind === "param" ? (payloads[Number(reference.name.slice(1))] ?? null) : null),
    );
    const script =
      "process.stdout.write(JSON.stringify([process.argv.slice(1), Object.entries(process.env).filter(([k]) => k.startsWith('P_')).map(([, v]) => v)]))";
    const env = Object.fromEntries(payloads.map((payload, index) => [`P_${index}`, resolveText("${params.x}", lookupOf(payload))]));
    const seen: unknown = JSON.parse(execFileSync(process.execPath, ["-e", script, "--", ...argv], { env, encoding: "utf8" }));
    expect(seen).toEqual([payloads.map((payload) => `=${payload}`), expect.arrayContaining([...payloads])]);
  });

  test("a string that would pass as an option is refused unless -- stands before it; numbers are not", () => {
    expect(codeOf(() => resolveArgv(["git", "fetch", "${params.x}"], lookupOf("--upload-pack=x")))).toBe("PARAM_INVALID");
    expect(codeOf(() => resolveArgv(["git", "${params.x}y"], lookupOf("-")))).toBe("PARAM_INVALID");
    expect(resolveArgv(["git", "--", "${params.x}"], lookupOf("--upload-pack=x"))).toEqual(["git", "--", "--upload-pack=x"]);
    expect(resolveArgv(["seq", "${params.x}"], lookupOf(-5))).toEqual(["seq", "-5"]);
    expect(resolveArgv(["git", "-x", "--n=${params.x}"], lookupOf("-y"))).toEqual(["git", "-x", "--n=-y"]);
  });

  test("a NUL is refused, naming the item", () => {
    expect(() => resolveArgv(["p", "${params.x}"], lookupOf("a\0b"))).toThrow(/argv item 1 .*\$\{params\.x\} holds a NUL/);
    expect(() => resolveArgv(["p\0"], lookupOf(""))).toThrow(/argv item 0/);
  });

  test("resolving never expands what a value holds, whatever it is", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), fc.string({ unit: "binary" }), (before, value) => {
        const plain = before.replaceAll("$", "S");
        expect(resolveText(`${plain}\${params.x}${plain}`, lookupOf(value))).toBe(plain + value + plain);
      }),
    );
  });

  test("any text with its ${ escaped resolves to itself", () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom("$", "{", "}", "params.x", "a", "${")).map((parts) => parts.join("")),
        (text) => {
          const escaped = text.replace(/\$(?=\{)/g, () => "$$");
          fc.pre(!/\$\$\{/.test(text));
          expect(resolveText(escaped, lookupOf("never"))).toBe(text);
        },
      ),
    );
  });
});
