import { buildCommand, buildRouteMap } from "@stricli/core";
import { commandDocs } from "../command-docs.ts";
import { parseText } from "../parse-values.ts";
import { adapt } from "../stricli-context.ts";

export const packRoutes = buildRouteMap({
  routes: {
    list: buildCommand({
      loader: async () => adapt((await import("../commands/pack-list.ts")).packList),
      parameters: {},
      docs: commandDocs("List the packs of this workspace", "Lists what lily.yaml names under packs, with the digest that enters every plan.", [
        ["lily pack list", "name, version, digest, folder and what each brings"],
        ["lily pack list --json", "with the name of everything"],
      ]),
    }),
    check: buildCommand({
      loader: async () => adapt((await import("../commands/pack-check.ts")).packCheck),
      parameters: {
        positional: {
          kind: "tuple",
          parameters: [{ brief: "Folder of a pack; default: every pack of lily.yaml", placeholder: "FOLDER", parse: parseText, optional: true }],
        },
      },
      docs: {
        customUsage: ["[FOLDER]"],
        ...commandDocs(
          "Check a pack",
          "Names every problem with its line: manifest, templates, schemas, files, the versions of Lily that it works with. Modules are loaded,\neach in a process of its own. Without FOLDER it also finds names that two packs, or a pack and lily.yaml, both bring. Exits 2 when\nthere are problems.",
          [
            ["lily pack check ./packs/tabular", "while writing one, or in its CI"],
            ["lily pack check", "every pack of this workspace"],
          ],
        ),
      },
    }),
  },
  docs: { brief: "List and check packs: plugins with schemas, modules and templates" },
});
