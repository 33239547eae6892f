import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { canonicalJson } from "../../src/base/canonical-json.ts";
import { digestBytes, documentDigest } from "../../src/base/digest.ts";
import { isLilyError } from "../../src/base/lily-error.ts";
import { parseJson } from "../../src/base/parse-json.ts";

const page = readFileSync(join(import.meta.dirname, "../../docs/formats/canonical-json.md"), "utf8");

function example(name: string): string {
  const block = new RegExp(`^\`\`\`\\w+ id=${name}\\n([\\s\\S]*?)\\n\`\`\`$`, "m").exec(page)?.[1];
  if (block === undefined) throw new Error(`the page has no example ${name}`);
  return block;
}

describe("docs/formats/canonical-json.md", () => {
  it("gives the canonical bytes of its input", () => {
    expect(canonicalJson(parseJson(example("input")))).toBe(example("canonical"));
  });

  it("is its own canonical form", () => {
    expect(canonicalJson(parseJson(example("canonical")))).toBe(example("canonical"));
  });

  it("gives the digests as object and as document", () => {
    const digests = [digestBytes(example("canonical")), documentDigest("plan", parseJson(example("input")))];
    expect(digests.map(String)).toEqual(example("digests").split("\n"));
  });

  it.each(example("refused").split("\n"))("refuses %s", (text) => {
    let thrown: unknown = null;
    try {
      parseJson(text);
    } catch (error) {
      thrown = error;
    }
    expect(isLilyError(thrown, "JSON_INVALID")).toBe(true);
  });
});
