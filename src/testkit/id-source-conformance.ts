import { expect, it } from "vitest";
import { parseRunId } from "../contracts/ids.ts";
import type { IdSource } from "../ports/id-source.ts";

/** What every IdSource promises. `open` makes a fresh one for each case. */
export function idSourceConformance(open: () => Promise<IdSource>): void {
  it("run ids are lowercase identifiers, and no two are the same", async () => {
    const source = await open();
    const ids = Array.from({ length: 2_000 }, () => source.runId());
    for (const id of ids) expect(parseRunId(id)).toBe(id);
    expect(new Set(ids).size).toBe(ids.length);
  });

  it.each([0, 1, 16, 33])("randomHex of %d bytes has two lowercase digits a byte", async (byteCount) => {
    expect((await open()).randomHex(byteCount)).toMatch(RegExp(`^[0-9a-f]{${2 * byteCount}}$`));
  });

  it("random texts differ, and every digit comes", async () => {
    const source = await open();
    const texts = Array.from({ length: 200 }, () => source.randomHex(8));
    expect(new Set(texts).size).toBe(texts.length);
    expect(new Set(texts.join("")).size).toBe(16);
  });
}
