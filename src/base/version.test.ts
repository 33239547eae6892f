import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { kernelVersion } from "./version.ts";

test("the version constant equals the version of package.json", () => {
  const manifest: unknown = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8"));
  expect(manifest).toMatchObject({ version: kernelVersion });
});
