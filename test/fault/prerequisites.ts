import { execFileSync } from "node:child_process";

/** True when the command is on the PATH. */
export function hasCommand(name: string): boolean {
  try {
    execFileSync("sh", ["-c", `command -v ${name}`], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

/** The first thing that is missing, or null. */
export function firstMissing(...checks: readonly (readonly [boolean, string])[]): string | null {
  return checks.find(([present]) => !present)?.[1] ?? null;
}

export const isRoot = (): boolean => process.getuid?.() === 0;
export const isLinux = process.platform === "linux";
