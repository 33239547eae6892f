/**
 * Descriptors that this process was started with and would hand on to every command. A folder that is open in one of them leads past all
 * mounts of a sandbox, so a sandboxed command gets an empty file in its place. What Node opens itself is never handed on.
 */
import { openSync, readdirSync, readFileSync } from "node:fs";

/** O_CLOEXEC, as /proc/self/fdinfo shows flags. */
const closedOnExec = 0o2000000;
const firstFree = 4;
let found: readonly ("ignore" | number)[] | null = null;

/** What to put into `stdio` from descriptor 4 on. */
export function withheld(): readonly ("ignore" | number)[] {
  found ??= lookForInherited();
  return found;
}

function lookForInherited(): readonly ("ignore" | number)[] {
  const inherited = readdirSync("/proc/self/fd")
    .map(Number)
    .filter((fd) => fd >= firstFree && isHandedOn(fd));
  if (inherited.length === 0) return [];
  const empty = openSync("/dev/null", "r");
  const stdio: ("ignore" | number)[] = Array.from({ length: Math.max(...inherited) - firstFree + 1 }, () => "ignore");
  for (const fd of inherited) stdio[fd - firstFree] = empty;
  return stdio;
}

function isHandedOn(fd: number): boolean {
  try {
    const flags = /^flags:\s*([0-7]+)/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, "utf8"))?.[1];
    return flags !== undefined && (Number.parseInt(flags, 8) & closedOnExec) === 0;
  } catch {
    // The descriptor by which the list was read is gone again.
    return false;
  }
}
