import { expect, test } from "vitest";
import { type NameOwner, packClashes } from "./pack-clashes.ts";

const lily: NameOwner = { title: "Lily", file: null, names: { executor: ["shell"] } };
const workspace: NameOwner = { title: "lily.yaml", file: "/w/lily.yaml", names: { module: ["count", "Count"], executor: ["sql"] } };
const pack = (names: NameOwner["names"]): NameOwner => ({ title: "pack p", file: "/p/pack.yaml", names });

test("names of different kinds, and one owner's own, do not clash", () => {
  expect(packClashes([lily, workspace, pack({ schema: ["count"], template: ["shell"] })])).toEqual([]);
});

test("a clash names both sides, the file of each as far as there is one", () => {
  expect(packClashes([lily, workspace, pack({ executor: ["shell", "SQL"] })])).toEqual([
    {
      kind: "executor",
      name: "shell",
      message: "the executor shell is brought by Lily and by pack p (/p/pack.yaml); one of them has to go or be renamed",
    },
    {
      kind: "executor",
      name: "SQL",
      message:
        "the executor sql, which SQL differs from in case only, is brought by lily.yaml (/w/lily.yaml) and by pack p (/p/pack.yaml); one of them has to go or be renamed",
    },
  ]);
});
