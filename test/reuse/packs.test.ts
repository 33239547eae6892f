/** A pure step whose gate a pack judges: the pack is part of what it depends on, every file of it, under one name. */
import { afterEach, beforeEach, expect, test } from "vitest";
import { manifestText, moduleText, writePacks } from "../packs/pack-bed.ts";
import { one, ReuseBed } from "./reuse-bed.ts";

let bed: ReuseBed;

beforeEach(() => {
  bed = new ReuseBed();
});
afterEach(() => bed.remove());

function pack(note: string): void {
  const files = { "judge.mjs": moduleText("return { passed: true };"), "note.txt": note };
  writePacks(bed, { p: { manifest: manifestText("p", { modules: { "p.judge": "judge.mjs" } }), files } });
}

test("B3: another file of the pack is another pack, and the certificate names the pack", async () => {
  const document = one({ gates: [{ id: "g", module: "p.judge" }] });
  pack("one\n");
  const same = await bed.again(document);
  expect(await bed.because(same)).toMatch(/^step a was reused/);
  pack("two\n");
  const { view } = await bed.run(document);
  const why = await (await bed.kernel()).runs.why(view.run_id, "a");
  expect(why.changed.map(({ kind, name }) => `${kind} ${name}`)).toContain("pack p");
  expect(why.changed.filter(({ kind }) => kind !== "pack")).toEqual([]);
  pack("one\n");
  expect(await bed.because(await bed.run(document))).toMatch(/^step a was reused/);
});
