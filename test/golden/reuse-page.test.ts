import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { parseDigest } from "../../src/base/digest.ts";
import { type MaterialKind, materialKinds } from "../../src/contracts/materials.ts";
import { reuseKey } from "../../src/judge/why.ts";

const page = readFileSync(join(import.meta.dirname, "../../docs/formats/reuse.md"), "utf8");

function example(name: string): string {
  for (const match of page.matchAll(/^```\w+ id=([\w-]+)\n([\s\S]*?)\n```$/gm)) if (match[1] === name) return match[2] ?? "";
  throw new Error(`reuse.md has no example ${name}`);
}

const sha256 = (text: string): string => `sha256:${createHash("sha256").update(text).digest("hex")}`;

it("docs/formats/reuse.md: its materials give its key, by Lily and by the rule alone, and its single digests are what it says", () => {
  const listed: readonly [MaterialKind, string, string][] = JSON.parse(example("materials"));
  const key = example("key");
  expect(reuseKey(listed.map(([kind, name, digest]) => ({ kind, name, digest: parseDigest(digest) })))).toBe(key);
  expect(sha256(`lily/reuse/v1\n${example("materials")}`)).toBe(key);
  expect(listed.map(([, , digest]) => digest)).toEqual([
    sha256("export {};\n"),
    sha256("day,temp\n1,10\n"),
    sha256("lily/reuse/v1\n2015"),
    sha256("lily/reuse/v1\nUTC"),
  ]);
});

it("docs/formats/reuse.md: the table has every kind, in the order in which they are hashed", () => {
  const kinds = [...page.matchAll(/^\| `([a-z]+)` \|/gm)].map((match) => match[1]);
  expect([...new Set(kinds)]).toEqual([...materialKinds]);
});
