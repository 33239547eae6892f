import type { CommandContext } from "@stricli/core";
import type { CliContext, CommandAction } from "./cli-context.ts";

/** What stricli hands to a command: its own streams, our context, and where the exit code goes. */
export interface StricliContext extends CommandContext {
  readonly cli: CliContext;
  readonly outcome: { exitCode: number };
}

/** Adapts one of our commands to stricli's calling convention. */
export function adapt<Flags, Args extends readonly unknown[]>(
  action: CommandAction<Flags, Args>,
): (this: StricliContext, flags: Flags, ...args: Args) => Promise<void> {
  return async function (this: StricliContext, flags: Flags, ...args: Args): Promise<void> {
    this.outcome.exitCode = await action(this.cli, flags, ...args);
  };
}
