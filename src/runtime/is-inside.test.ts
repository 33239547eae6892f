import { expect, it } from "vitest";
import { isInside } from "./is-inside.ts";

it.each([
  ["/base", "/base", true],
  ["/base/a", "/base", true],
  ["/base-evil/a", "/base", false],
  ["/", "/base", false],
])("says whether %s is inside %s: %s", (path, folder, inside) => {
  expect(isInside(path, folder)).toBe(inside);
});
