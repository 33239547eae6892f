import { readFileSync } from "node:fs";
import { hostname } from "node:os";
import type { LeaseOwner } from "../../ports/lease-store.ts";
import { processEntry } from "./process-table.ts";

const unknown = "unknown";

/** This process as lease owner. What the system does not tell is `unknown`, and then nobody takes it for dead. */
export function currentOwner(): LeaseOwner {
  return { host: hostname(), bootId: bootId(), pid: process.pid, startTime: processEntry(process.pid)?.startTime ?? unknown };
}

/**
 * False only when the owner is provably gone: it was of this host, and either of an earlier boot, or its pid is free, a zombie or
 * belongs to a process that started at another time. Another host, or anything unknown, counts as alive: then only expiry frees a lease.
 */
export function isOwnerAlive(owner: LeaseOwner): boolean {
  const here = currentOwner();
  const known = ![owner.bootId, owner.startTime, here.bootId, here.startTime].includes(unknown);
  if (!known || owner.host !== here.host) return true;
  if (owner.bootId !== here.bootId) return false;
  const entry = processEntry(owner.pid);
  if (entry === null) return pidExists(owner.pid);
  return entry.alive && entry.startTime === owner.startTime;
}

function bootId(): string {
  try {
    return readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim() || unknown;
  } catch {
    return unknown;
  }
}

/** The table may hide processes of other users; a signal that is not permitted still shows that there is one. */
function pidExists(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (thrown) {
    return thrown instanceof Error && "code" in thrown && thrown.code === "EPERM";
  }
}
