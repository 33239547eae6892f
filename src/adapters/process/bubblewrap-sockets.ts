/**
 * Socket files on which services of this machine listen. Connecting to one is no write to the file system and passes no network interface,
 * so a namespace of its own does not keep a command from it; only that the file is not there does.
 */
import { lstatSync, readFileSync } from "node:fs";

/** In /proc/net/unix: the flag of a socket that accepts connections. */
const accepting = 0x10000;

/** Absolute paths that exist now; abstract sockets belong to a network namespace and are not told. */
export function listeningSockets(): readonly string[] {
  const paths = tableOfSockets()
    .split("\n")
    .map((line) => /^\S+ \S+ \S+ ([0-9A-F]+) \S+ \S+ +\d+ (\/.*)$/.exec(line))
    .filter((found) => found !== null && (Number.parseInt(found[1] ?? "", 16) & accepting) !== 0)
    .map((found) => found?.[2] ?? "");
  return [...new Set(paths)].filter(isSocket);
}

function tableOfSockets(): string {
  try {
    return readFileSync("/proc/net/unix", "utf8");
  } catch {
    return "";
  }
}

function isSocket(path: string): boolean {
  try {
    return lstatSync(path).isSocket();
  } catch {
    return false;
  }
}
