import { type Application, buildApplication, type StricliIntegration, text_en } from "@stricli/core";
import type { LilyError } from "../base/lily-error.ts";
import { globalFlagsText, overviewText } from "./help-text.ts";
import { rootRoutes } from "./routes/root-routes.ts";
import type { StricliContext } from "./stricli-context.ts";
import { unknownCommand, usageError } from "./usage-error.ts";

/** Where the application puts what went wrong, in place of writing it: the caller shows it once, as text or JSON. */
export interface FaultSink {
  usage(error: LilyError): void;
  thrown(thrown: unknown): void;
}

const formatting = { useAliasInUsageLine: false, onlyRequiredInUsageLine: true, caseStyle: "convert-camel-to-kebab" } as const;

/** The command tree with our texts. Nothing is written to stderr by the library itself. */
export function buildCliApplication(faults: FaultSink, words: readonly string[] = []): Application<StricliContext> {
  const collect = (thrown: unknown): string => {
    faults.thrown(thrown);
    return "";
  };
  return buildApplication<StricliContext>(
    rootRoutes,
    {
      name: "lily",
      scanner: { caseStyle: "allow-kebab-for-camel", allowArgumentEscapeSequence: true },
      documentation: { ...formatting, disableAnsiColor: true },
      localization: {
        text: {
          ...text_en,
          exceptionWhileParsingArguments: (thrown) => {
            faults.usage(usageError(thrown, words));
            return "";
          },
          noCommandRegisteredForInput: ({ input, corrections }) => {
            faults.usage(unknownCommand(input, corrections));
            return "";
          },
          exceptionWhileLoadingCommandFunction: collect,
          exceptionWhileLoadingCommandContext: collect,
          exceptionWhileRunningCommand: collect,
          commandErrorResult: collect,
          exceptionWhileRunningIntegrationFlag: ({ exception }) => collect(exception),
          exceptionWhileRunningIntegrationHook: ({ exception }) => collect(exception),
        },
      },
    },
    { help: helpIntegration },
  );
}

const helpIntegration: StricliIntegration<StricliContext> = {
  flag: {
    brief: "Flags and examples",
    aliases: ["h"],
    global: true,
    defaultForRouteMap: true,
    run(_app, { text, result }) {
      const isRoot = result.prefix.length === 1;
      const help = isRoot
        ? overviewText
        : result.target.formatHelp({
            prefix: result.prefix,
            // A group shows one short line a command; a command shows all its flags with what they take.
            config: { ...formatting, onlyRequiredInUsageLine: "getAllEntries" in result.target },
            additionalFlags: [],
            includeArgumentEscapeSequenceFlag: false,
            includeHidden: false,
            text,
            ansiColor: false,
          });
      this.process.stdout.write(withoutEmptySections(help) + globalFlagsText);
    },
  },
};

/** Leaves out the heading of a section that has no lines. */
function withoutEmptySections(help: string): string {
  return help.replace(/\n[A-Z]+\n(?=\n|$)/g, "");
}
