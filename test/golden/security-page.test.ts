import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openSecurityFile } from "../../src/adapters/fs/security-file.ts";
import { canonicalJson } from "../../src/base/canonical-json.ts";
import { parseJson } from "../../src/base/parse-json.ts";

const page = readFileSync(join(import.meta.dirname, "../../docs/formats/security.md"), "utf8");

function example(name: string): string {
  const block = new RegExp(`^\`\`\`\\w+ id=${name}\\n([\\s\\S]*?)\\n\`\`\`$`, "m").exec(page)?.[1];
  if (block === undefined) throw new Error(`the page has no example ${name}`);
  return block;
}

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "lily-security-page-"));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const readOf = (text: string) => {
  writeFileSync(join(dir, "security.json"), text);
  return openSecurityFile(dir).read();
};

describe("docs/formats/security.md", () => {
  it("has a document that is read as it says, with and without a line feed", async () => {
    for (const end of ["", "\n"])
      expect(await readOf(example("document") + end)).toEqual({
        state: "LOCKDOWN",
        boundary: "set by user:ada at 2026-01-01T00:00:00.000Z",
        reason: "credentials of the loader leaked",
      });
  });

  it("has the document that is written, byte for byte", async () => {
    const control = openSecurityFile(dir, { nowMs: () => Date.UTC(2026, 0, 1) });
    await control.set("LOCKDOWN", "credentials of the loader leaked", "user:ada");
    expect(readFileSync(join(dir, "security.json"), "utf8")).toBe(`${example("document")}\n`);
    expect(canonicalJson(parseJson(example("document")))).toBe(example("document"));
  });

  it.each(example("refused").split("\n"))("S1: %s is not understood", async (line) => {
    await expect(readOf(line)).rejects.toThrow(/./);
  });
});

describe("docs/howto/stop-a-workspace.md", () => {
  it("S1: what it says to write where there is no Lily is not understood, and so is LOCKDOWN", async () => {
    const howto = readFileSync(join(import.meta.dirname, "../../docs/howto/stop-a-workspace.md"), "utf8");
    const words = /^echo (.*) > \.lily\/security\.json$/m.exec(howto)?.[1];
    expect(words).toBe("stop");
    await expect(readOf(`${words}\n`)).rejects.toThrow(/./);
  });
});
