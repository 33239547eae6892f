import { buildCommand, buildRouteMap } from "@stricli/core";
import { commandDocs } from "../command-docs.ts";
import { parseNote } from "../parse-values.ts";
import { adapt } from "../stricli-context.ts";

const settable = ["OPERATIONAL", "DEGRADED", "COMPROMISED", "LOCKDOWN"] as const;

export const securityRoutes = buildRouteMap({
  routes: {
    show: buildCommand({
      loader: async () => adapt((await import("../commands/security-show.ts")).securityShow),
      parameters: {},
      docs: commandDocs("Show the security state of the workspace", "Shows the state as whoever starts a run reads it now. What cannot be read is LOCKDOWN.", [
        ["lily security show", "the state, why, and who set it"],
        ["lily security show --json", "for a program"],
      ]),
    }),
    set: buildCommand({
      loader: async () => adapt((await import("../commands/security-set.ts")).securitySet),
      parameters: {
        flags: { reason: { kind: "parsed", parse: parseNote, brief: "Why; recorded with who set it", placeholder: "TEXT" } },
        positional: {
          kind: "tuple",
          parameters: [
            {
              brief: "OPERATIONAL, DEGRADED, COMPROMISED or LOCKDOWN",
              placeholder: "STATE",
              parse: (word: string) => word.toUpperCase(),
              proposeCompletions: async (partial: string) => settable.filter((state) => state.startsWith(partial.toUpperCase())),
            },
          ],
        },
      },
      docs: commandDocs(
        "Stop a workspace, or let it work again",
        "Any state but OPERATIONAL ends every run that goes on, within a moment, as INCOMPLETE, and lets nothing start.\nThe state is set first and recorded afterwards, so this works where the database is broken; it then exits with the code of why it is\nnot recorded. A step may raise the state and may not lower it.",
        [
          ["lily security set LOCKDOWN --reason 'credentials leaked'", "stops everything in this workspace"],
          ["lily security set OPERATIONAL --reason 'rotated, checked by ada'", "work may start again; what was ended stays INCOMPLETE"],
        ],
      ),
    }),
  },
  docs: { brief: "Show and set the security state: the kill switch" },
});
