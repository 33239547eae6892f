import { resolve } from "node:path";
import { LilyError } from "../base/lily-error.ts";
import type { Kernel } from "../kernel/kernel.ts";
import type { CliContext, LocalPreset } from "./cli-context.ts";
import { plainText } from "./render/plain-text.ts";
import { note } from "./write-output.ts";

/** The workspace folder that this command line means. Null when none was named and none is found. */
export function locateWorkspace(cli: CliContext, preset: LocalPreset): string | null {
  if (cli.flags.workspace !== null) return resolve(cli.cwd, cli.flags.workspace);
  return preset.findWorkspace(cli.cwd);
}

/** Opens the kernel for `use` and closes it afterwards, also when `use` throws. Makes a workspace where there is none, and says so. */
export async function withKernel<T>(cli: CliContext, use: (kernel: Kernel) => Promise<T>): Promise<T> {
  const preset = await cli.loadPreset();
  const found = locateWorkspace(cli, preset);
  const workspaceDir = found ?? resolve(cli.cwd, ".lily");
  return await closing(await openOrCreate(cli, preset, workspaceDir, found), use);
}

/** The same for a command that only looks: where there is no workspace it says so. Throws WORKSPACE_NOT_FOUND. */
export async function withExistingKernel<T>(preset: LocalPreset, workspaceDir: string, use: (kernel: Kernel) => Promise<T>): Promise<T> {
  return await closing(await preset.openLocal({ workspaceDir, create: false }), use);
}

async function closing<T>(kernel: Kernel, use: (kernel: Kernel) => Promise<T>): Promise<T> {
  try {
    return await use(kernel);
  } finally {
    await kernel.close();
  }
}

async function openOrCreate(cli: CliContext, preset: LocalPreset, workspaceDir: string, found: string | null): Promise<Kernel> {
  if (found !== null) {
    try {
      return await preset.openLocal({ workspaceDir, create: false });
    } catch (thrown) {
      if (!(thrown instanceof LilyError) || thrown.code !== "WORKSPACE_NOT_FOUND") throw thrown;
    }
  }
  const kernel = await preset.openLocal({ workspaceDir, create: true });
  note(cli, `made a workspace at ${plainText(workspaceDir)}`);
  return kernel;
}
