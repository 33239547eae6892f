import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { clipText } from "./clip-text.ts";
import { byteString, redactText, secretForms } from "./secret-forms.ts";

const secret = fc
  .oneof(
    fc.string({ unit: "grapheme", minLength: 6, maxLength: 24 }),
    fc.string({ unit: fc.constantFrom(..."ab1/+= %\"'$`\\\u00e9\u{1f600}"), minLength: 6, maxLength: 24 }),
  )
  .filter((text) => text.isWellFormed() && text.trim().length >= 6);
const around = fc.string({ unit: fc.constantFrom(..."xyz -\n\u00e9"), maxLength: 5 });

const hex = (text: string): string => Buffer.from(text).toString("hex");
const percent = (text: string): string => encodeURIComponent(text);
const asciiJson = (text: string): string =>
  JSON.stringify(text)
    .slice(1, -1)
    .replace(/[\u0080-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`);

/** As CPython does for text that prints: single quotes unless only they occur in it. */
function pythonRepr(text: string): string {
  const escaped = text.replaceAll("\\", "\\\\");
  return text.includes("'") && !text.includes('"') ? escaped : escaped.replaceAll("'", "\\'");
}

/** Ways in which programs write a value down. */
const whole: Readonly<Record<string, (text: string) => string>> = {
  "as it is": (text) => text,
  "in hex": hex,
  "in capital hex": (text) => hex(text).toUpperCase(),
  "percent-encoded": percent,
  "percent-encoded in small letters": (text) => percent(text).replace(/%[0-9A-F]{2}/g, (escape) => escape.toLowerCase()),
  "as a form field": (text) => percent(text).replaceAll("%20", "+"),
  "in JSON": (text) => JSON.stringify(text).slice(1, -1),
  "in JSON with escaped slashes": (text) => JSON.stringify(text).slice(1, -1).replaceAll("/", "\\/"),
  "in ASCII JSON": asciiJson,
  "in JSON in JSON": (text) => JSON.stringify(JSON.stringify(text)).slice(3, -3),
  "in ASCII JSON in JSON": (text) => JSON.stringify(asciiJson(text)).slice(1, -1),
  "percent-encoded as a path": (text) => encodeURI(text).replace(/[!'()*;,?:@&=+$#]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`),
  "percent-encoded as a path in small letters": (text) =>
    encodeURI(text)
      .replace(/[!'()*;,?:@&=+$#]/g, (char) => `%${char.charCodeAt(0).toString(16)}`)
      .replace(/%[0-9A-F]{2}/g, (escape) => escape.toLowerCase()),
  "percent-encoded as a whole URL": (text) => encodeURI(text),
  "as a form field of a browser": (text) => new URLSearchParams({ x: text }).toString().slice(2),
  "as repr() of Python": pythonRepr,
  "in single quotes of a shell": (text) => text.replaceAll("'", "'\\''"),
  "as shlex of Python quotes it": (text) => text.replaceAll("'", `'"'"'`),
  "in double quotes of a shell": (text) => text.replace(/["\\$`]/g, (char) => `\\${char}`),
};

describe("a secret", () => {
  test.each(Object.entries(whole))("S4: is gone from a text that holds it %s", (_, written) => {
    fc.assert(
      fc.property(secret, around, around, (value, before, after) => {
        const redacted = redactText(before + written(value) + after, secretForms([value]));
        expect(redacted).toContain("[redacted]");
        expect(redacted).not.toContain(written(value));
      }),
    );
  });

  test.each(["base64", "base64url"] as const)("S4: is gone from %s, whatever bytes stand before it", (encoding) => {
    fc.assert(
      fc.property(secret, fc.uint8Array({ maxLength: 4 }), around, (value, before, after) => {
        const text = Buffer.concat([before, Buffer.from(value + after)]).toString(encoding);
        const redacted = redactText(text, secretForms([value]));
        // At most the digits at both ends that the neighbours share stay.
        expect(redacted).toContain("[redacted]");
        const kept = redacted.replaceAll("[redacted]", "").length;
        expect(kept).toBeLessThanOrEqual(Math.ceil(((before.length + Buffer.byteLength(after)) * 4) / 3) + 8);
      }),
    );
  });

  test.each([
    [64, "\n"],
    [76, "\n"],
    [76, "\r\n"],
  ])("S4: that fills more than a line is gone from base64 in lines of %i, whatever stands before it", (width, lineEnd) => {
    const long = fc.string({ unit: fc.constantFrom(..."abcXYZ019/+ é"), minLength: 60, maxLength: 400 }).filter((text) => text.trim() === text);
    fc.assert(
      fc.property(long, fc.uint8Array({ maxLength: 120 }), around, (value, before, after) => {
        const digits = Buffer.concat([before, Buffer.from(value + after)]).toString("base64");
        const text = digits.replace(RegExp(`.{${width}}(?=.)`, "g"), (line) => line + lineEnd);
        const redacted = redactText(text, secretForms([value]));
        expect(redacted).toContain("[redacted]");
        const kept = redacted.replaceAll("[redacted]", "").replace(/\s/g, "").length;
        expect(kept).toBeLessThanOrEqual(Math.ceil(((before.length + Buffer.byteLength(after)) * 4) / 3) + 8);
      }),
    );
  });

  test("S4: a value of one line has few forms, so that a long output is searched quickly", () => {
    expect(secretForms(["ghp_0123456789abcdefghijABCDEFGHIJ012345"]).length).toBeLessThan(12);
    expect(secretForms([`eyJ${"abcdefgh1234".repeat(20)}`]).length).toBeLessThan(200);
  });

  test("S4: of several lines is known by each line of eight characters, and with or without white space around it", () => {
    const forms = secretForms(["-----BEGIN-----\r\nline-two-8\nshort\n"]);
    expect(redactText("a line-two-8 b", forms)).toBe("a [redacted] b");
    expect(redactText("a short b", forms)).toBe("a short b");
    expect(redactText("x token-1 y", secretForms(["\ttoken-1\n"]))).toBe("x [redacted] y");
  });

  test("that is short is redacted as it is, not in forms so short that they stand everywhere", () => {
    const forms = secretForms(["ab1"]);
    expect(redactText("x ab1 y", forms)).toBe("x [redacted] y");
    expect(redactText("YWIx", forms)).toBe("YWIx");
  });

  test("that is empty redacts nothing", () => {
    expect(secretForms(["", "  "])).not.toContain("");
    expect(redactText("any text", secretForms([""]))).toBe("any text");
  });

  test("that contains another is redacted whole, longest first", () => {
    expect(redactText("hunter2pass", secretForms(["hunter2", "hunter2pass"]))).toBe("[redacted]");
  });

  test("a text without one is the same text, and what replaces one is taken literally", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), (text) => {
        expect(redactText(text, secretForms(["Zq9-Zq9-Zq9"]))).toBe(text.includes("Zq9-Zq9-Zq9") ? expect.anything() : text);
      }),
    );
    expect(redactText("a $& b", secretForms(["$&"]))).toBe("a [redacted] b");
  });

  test("byteString has one character for each byte, of long texts too", () => {
    const bytes = Uint8Array.from({ length: 20_000 }, (_, at) => at & 255);
    expect([...byteString(bytes)].map((char) => char.charCodeAt(0))).toEqual([...bytes]);
  });
});

describe("clipText", () => {
  test("is well-formed, at most as long as asked, and the text itself when that fits", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), fc.nat({ max: 12 }), (text, max) => {
        const clipped = clipText(text, max);
        expect(clipped.isWellFormed()).toBe(true);
        expect(clipped.length).toBeLessThanOrEqual(Math.max(max, 0));
        if (text.isWellFormed() && text.length <= max) expect(clipped).toBe(text);
      }),
    );
    expect(clipText("a\u{1f600}", 2)).toBe("a\ufffd");
    expect(clipText("a\ud800", 9)).toBe("a\ufffd");
  });
});
