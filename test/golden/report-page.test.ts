/** The examples of docs/formats/report.md, with those of the pages that it stands on. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { signatureVerifier } from "../../src/adapters/crypto/signature-verifier.ts";
import { reportAnchor, type ReportLeaf } from "../../src/audit/report-anchor.ts";
import { reportChecker } from "../../src/audit/report-checker.ts";

const folder = join(import.meta.dirname, "../../docs/formats");

function example(page: string, name: string): string {
  const found = new RegExp(`^\`\`\`\\w+ id=${name}\\n([\\s\\S]*?)\\n\`\`\`$`, "m").exec(readFileSync(join(folder, page), "utf8"))?.[1];
  if (found === undefined) throw new Error(`${page} has no example ${name}`);
  return found;
}

test("S5: the leaves of the page anchor the record of record.md by the note and key of checkpoint.md", async () => {
  const { sha256, checkRecord } = reportChecker();
  const { hashes, problem } = checkRecord(new TextEncoder().encode(`${example("record.md", "record")}\n`));
  expect(problem).toBeNull();
  const anchor = reportAnchor({ sha256, verifyEd25519: async (key, message, signature) => signatureVerifier.verify(key, message, signature) });
  const leaves = JSON.parse(example("report.md", "leaves")) as readonly ReportLeaf[];
  const record = { stream: "run/018f2a30-0000-7000-8000-000000000001", workspaceId: "ws-0001", hashes };
  const given = { note: `${example("checkpoint.md", "note")}\n`, key: example("checkpoint.md", "key").split("\n")[1] ?? "" };
  expect(await anchor(given, record, leaves)).toEqual({ result: "anchored", message: example("report.md", "answer") });
});

test("every headline of the page's table is one that the script says", () => {
  const page = readFileSync(join(folder, "report.md"), "utf8");
  const headlines = [...(page.split("## What it says")[1] ?? "").matchAll(/^\| ([A-Z][^|]*?) \|/gm)].map((match) => match[1] ?? "");
  const script = readFileSync(join(import.meta.dirname, "../../src/audit/report-page.ts"), "utf8");
  expect(headlines.length).toBe(7);
  for (const headline of headlines) expect(script).toContain(headline.replace(/ N \(KIND\)$/, ""));
});
