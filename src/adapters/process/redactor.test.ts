import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { secretForms } from "../../base/secret-forms.ts";
import { createRedactor } from "./redactor.ts";

/** Text through a redactor, in chunks of the given sizes. */
function redact(secrets: readonly string[], text: string | Buffer, chunkSize = Number.MAX_SAFE_INTEGER): string {
  const redactor = createRedactor(secrets);
  const bytes = Buffer.from(text);
  const parts: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += chunkSize) parts.push(Buffer.from(redactor.push(bytes.subarray(at, at + chunkSize))));
  parts.push(redactor.flush());
  return Buffer.concat(parts).toString("latin1");
}

const secret = 'p@ss/w0rd "x" ü';

describe("S4: every form of a secret is replaced", () => {
  const bytes = Buffer.from(secret);
  const forms: readonly { readonly name: string; readonly text: Buffer; readonly value?: string }[] = [
    { name: "raw", text: bytes },
    { name: "base64, alone", text: Buffer.from(bytes.toString("base64")) },
    { name: "base64, one byte in", text: Buffer.from(Buffer.from(`:${secret}:`).toString("base64")) },
    { name: "base64, two bytes in", text: Buffer.from(Buffer.from(`::${secret}:`).toString("base64")) },
    { name: "base64url", text: Buffer.from(Buffer.from(`user:${secret}`).toString("base64url")) },
    { name: "hex", text: Buffer.from(bytes.toString("hex")) },
    { name: "upper-case hex", text: Buffer.from(bytes.toString("hex").toUpperCase()) },
    { name: "URL-encoded", text: Buffer.from(encodeURIComponent(secret)) },
    { name: "URL-encoded in lower case", text: Buffer.from(encodeURIComponent(secret).replace(/%../g, (escape) => escape.toLowerCase())) },
    { name: "form-encoded", text: Buffer.from(new URLSearchParams({ a: "p@ss/w0rd x ü" }).toString().slice(2)), value: "p@ss/w0rd x ü" },
    { name: "JSON", text: Buffer.from(JSON.stringify({ secret })) },
    { name: "JSON in ASCII", text: Buffer.from('"p@ss\\/w0rd"'), value: "p@ss/w0rd" },
    { name: "JSON with escaped Unicode", text: Buffer.from('"p@ss/w0rd \\"x\\" \\u00fc"') },
  ];
  test.each(forms)("$name", ({ text, value = secret }) => {
    for (const chunkSize of [1, 2, 3, 7, 1000]) {
      const out = redact([value], text, chunkSize);
      expect(out).toContain("[redacted]");
      for (const form of secretForms([value])) expect(out).not.toContain(form);
    }
  });
});

describe("a redacted stream", () => {
  test("is unchanged without secrets, and where there are none", () => {
    expect(redact([], "abc", 1)).toBe("abc");
    expect(redact([""], "abc", 1)).toBe("abc");
    expect(redact(["xyz"], "abcxy", 1)).toBe("abcxy");
  });

  test("has a marker for each secret, and one for several that overlap or touch", () => {
    expect(redact(["abcdef"], "1abcdef2abcdefabcdef3")).toBe("1[redacted]2[redacted]3");
    for (const size of [1, 2, 3, 4, 5, 100]) {
      expect(redact(["abcd", "cdef"], "xabcdefy", size)).toBe("x[redacted]y");
      expect(redact(["aa"], "xaaay", size)).toBe("x[redacted]y");
    }
  });

  test("leaves out lines of a secret with several, and its trimmed form", () => {
    expect(redact(["-----BEGIN\nkeykeykey\nEND\n"], "a keykeykey b")).toBe("a [redacted] b");
    expect(redact(["token\n"], "a token b")).toBe("a [redacted] b");
  });

  test("does not depend on how the bytes were cut into chunks, and never shows a secret", () => {
    const text = fc.string({ unit: fc.constantFrom("a", "b", "c"), maxLength: 40 });
    const secrets = fc.array(fc.string({ unit: fc.constantFrom("a", "b", "c"), minLength: 2, maxLength: 5 }), { maxLength: 3 });
    fc.assert(
      fc.property(text, secrets, fc.integer({ min: 1, max: 9 }), (bytes, values, size) => {
        const whole = redact(values, bytes);
        const shown = whole.split("[redacted]");
        return redact(values, bytes, size) === whole && values.every((value) => shown.every((part) => !part.includes(value)));
      }),
      { numRuns: 2000 },
    );
  });
});
