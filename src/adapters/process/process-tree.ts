/**
 * Owns: finding and ending every process of one command, also those that left its process group (E6).
 * States: none of its own beyond the processes it has seen (`#seen`).
 * Invariants: 1. only processes are signalled that carry the marker, share group or session with the command, or descend from such a
 * process; 2. `end` returns when a complete look at the process table found none alive, or says how many it could not end.
 * Not responsible for: output, timeouts, outcomes.
 *
 * How a complete look stays cheap: the kernel gives out ids upwards, so what a short command started lies between the newest id before
 * and after it, and only those few are looked at. A look at the whole table is used when the command took longer, when ids wrapped,
 * or when anything was found. Limit: a process that cleared its environment, made its own session and lost its parent before a look saw
 * it cannot be told from a stranger's. In a sandbox it can: there its parent is the first process of the sandbox's own process namespace,
 * and whatever is in the namespace ends with that one.
 */
import { setTimeout as delay } from "node:timers/promises";
import { lastPid, type ProcessEntry, processEntry, processExists, processIds, processMarker, processTableReadable } from "./process-table.ts";

/** A short command: ids cannot have wrapped all the way round in this time. */
const shortMs = 250;
const shortIdsMax = 512;
const settleMs = 100;
const unkillableMs = 30_000;
const batchSize = 256;
const catchUpRounds = 64;

/** Commands of this process that were not collected yet: their ids are theirs, so nobody has to look whose they are. */
const runningLeaders = new Set<number>();

export interface TreeEnd {
  /** Processes that were alive and had to be ended. */
  readonly killed: number;
  /** Processes that did not end although they were killed: blocked in the kernel, or of another user. */
  readonly left: readonly number[];
}

export class ProcessTree {
  readonly #leader: number;
  readonly #marker: string;
  readonly #idBefore: number | null;
  readonly #startedMs: number;
  /** Members by pid and start time, so that a reused pid is not taken for one. */
  readonly #seen = new Map<number, string>();
  #leaderGone = false;
  readonly #sandboxed: boolean;
  /** The process that holds the namespaces of a sandbox together: it ends with what it holds, and all that it holds ends with it. */
  #holder: number | null = null;
  /** The command itself, as pid and start time, when it runs in a sandbox. */
  #command: string | null = null;

  /**
   * `idBefore` is `lastPid()` right before the command was started; `leader` its pid, which is also its group and session. With
   * `sandboxed` the leader is who made the sandbox and waits for it, and the command runs inside.
   */
  constructor(leader: number, marker: string, idBefore: number | null, startedMs: number, sandboxed: boolean) {
    this.#leader = leader;
    this.#sandboxed = sandboxed;
    this.#marker = marker;
    this.#idBefore = idBefore;
    this.#startedMs = startedMs;
    runningLeaders.add(leader);
  }

  /** To be called when the command itself was collected: from now on its pid may be somebody else's. */
  leaderGone(): void {
    this.#leaderGone = true;
    runningLeaders.delete(this.#leader);
  }

  /** To be called when the sandbox says which process holds it together. */
  heldBy(holder: number): void {
    this.#holder = holder;
  }

  /**
   * Sends a signal to the whole group and to members outside of it. In a sandbox SIGTERM is for what runs inside: whoever ends the
   * sandbox ends all at once, without a grace. True when there was somebody to send it to.
   */
  async signal(name: "SIGTERM" | "SIGKILL"): Promise<boolean> {
    const members = await this.#members(null);
    if (this.#sandboxed && name === "SIGTERM") {
      const inside = members.filter((member) => !this.#isSandbox(member));
      for (const member of inside) sendSignal(member.pid, name);
      return inside.length > 0;
    }
    this.#signalGroup(name, members);
    for (const member of members) sendSignal(member.pid, name);
    return true;
  }

  /** The sandbox itself, as opposed to what runs inside of it: who waits for it, and its first process. */
  #isSandbox({ pid, parent }: ProcessEntry): boolean {
    return this.#sandboxed && (pid === this.#leader || pid === this.#holder || (parent === this.#leader && !this.#leaderGone));
  }

  #isSurvivor(member: ProcessEntry): boolean {
    return member.pid !== this.#leader && !this.#isSandbox(member) && nameOf(member) !== this.#command;
  }

  /** As long as the command lives it is the oldest in its sandbox. */
  #noteCommand(members: Iterable<ProcessEntry>): void {
    if (!this.#sandboxed || this.#leaderGone || this.#command !== null) return;
    const inside = [...members].filter((member) => !this.#isSandbox(member));
    const [oldest] = inside.sort((a, b) => Number(a.startTime) - Number(b.startTime) || a.pid - b.pid);
    if (oldest !== undefined) this.#command = nameOf(oldest);
  }

  /**
   * True when a quick look proves that nothing is left. Whatever the command started has an id given out since; when none of these
   * is in use but by other commands of this process, there is nothing. Otherwise group and markers are looked at.
   */
  isClear(): boolean {
    if (!processTableReadable) return !groupExists(this.#leader);
    try {
      return this.#quickLook();
    } catch {
      return false;
    }
  }

  #quickLook(): boolean {
    const before = this.#idBefore;
    let end = lastPid();
    if (before === null || end === null || this.#leader <= before || this.#leader > end) return false;
    if (performance.now() - this.#startedMs > shortMs) return false;
    let strangers = false;
    for (let pid = before + 1; pid <= end; pid++) {
      if (pid !== this.#leader && !runningLeaders.has(pid) && processExists(pid)) {
        if (processMarker(pid) === this.#marker) return false;
        strangers = true;
      }
      // One that ended while it was looked for may have started another behind the end.
      if (pid === end) end = lastPid() ?? 0;
      if (end < pid || end - before > shortIdsMax) return false;
    }
    return !strangers || !groupExists(this.#leader);
  }

  /** Waits up to `waitMs` for every process to end by itself. True when none is left. */
  async settled(waitMs: number): Promise<boolean> {
    const endMs = performance.now() + waitMs;
    for (let pauseMs = 1; ; pauseMs = Math.min(pauseMs * 2, 20)) {
      if ((await this.#members(null)).length === 0) return true;
      if (performance.now() >= endMs) return false;
      await delay(Math.min(pauseMs, Math.max(1, endMs - performance.now())));
    }
  }

  /** Ends what is left after the command ended: a moment to finish, then TERM, grace, KILL. */
  async endLeftovers(graceMs: number): Promise<TreeEnd> {
    if (this.isClear() || (await this.settled(settleMs))) return { killed: 0, left: [] };
    const names = new Set<string>();
    for (const member of await this.#members(null)) if (this.#isSurvivor(member)) names.add(nameOf(member));
    await this.signal("SIGTERM");
    if (await this.settled(graceMs)) return { killed: names.size, left: [] };
    return this.end(names);
  }

  /** Kills round by round until a complete look finds nothing alive. `names` collects who was found, as pid/start time. */
  async end(names: Set<string> = new Set()): Promise<TreeEnd> {
    if (!processTableReadable) return this.#endGroup();
    const endMs = performance.now() + unkillableMs;
    for (let pauseMs = 0; ; pauseMs = Math.min(pauseMs + 1, 50)) {
      const members = await this.#members("SIGKILL");
      for (const member of members) if (this.#isSurvivor(member)) names.add(nameOf(member));
      if (members.length === 0) return { killed: names.size, left: [] };
      if (performance.now() > endMs) return { killed: names.size, left: members.map((member) => member.pid) };
      this.#signalGroup("SIGKILL", members);
      for (const member of members) sendSignal(member.pid, "SIGKILL");
      if (pauseMs > 0) await delay(pauseMs);
    }
  }

  async #endGroup(): Promise<TreeEnd> {
    const endMs = performance.now() + unkillableMs;
    let killed = 0;
    while (groupExists(this.#leader)) {
      if (performance.now() > endMs) return { killed, left: [this.#leader] };
      killed = 1;
      sendSignal(-this.#leader, "SIGKILL");
      await delay(5);
    }
    return { killed, left: [] };
  }

  #signalGroup(name: "SIGTERM" | "SIGKILL", members: readonly ProcessEntry[]): void {
    const inGroup = members.some((member) => member.group === this.#leader);
    if (!processTableReadable || inGroup || !this.#leaderGone) sendSignal(-this.#leader, name);
  }

  /** Every living process of the command. With `kill`, one that appears while looking is killed on sight, so that a chain of forks cannot outrun the look. */
  async #members(kill: "SIGKILL" | null): Promise<readonly ProcessEntry[]> {
    if (!processTableReadable) return [];
    const endMs = performance.now() + unkillableMs;
    for (;;) {
      try {
        return await this.#look(kill);
      } catch (thrown) {
        // No free descriptor to look with is no sign that nothing is there: try again, and say so in the end.
        if (performance.now() > endMs) throw thrown;
        await delay(20);
      }
    }
  }

  async #look(kill: "SIGKILL" | null): Promise<readonly ProcessEntry[]> {
    const entries = new Map<number, ProcessEntry>();
    let mark = lastPid() ?? 0;
    let count = 0;
    for (const pid of processIds()) {
      if (++count % batchSize === 0) await delay(0);
      const entry = processEntry(pid);
      if (entry?.alive === true) entries.set(pid, entry);
    }
    const members = new Map<number, ProcessEntry>();
    for (const entry of entries.values()) {
      if (++count % batchSize === 0) await delay(0);
      if (this.#belongs(entry, entries)) members.set(entry.pid, entry);
    }
    for (let round = 0; round < catchUpRounds; round++) {
      const now = lastPid() ?? mark;
      if (now === mark) break;
      for (const pid of idsBetween(mark, now)) {
        const entry = processEntry(pid);
        if (entry?.alive !== true || !this.#belongs(entry, entries)) continue;
        members.set(pid, entry);
        if (kill !== null) sendSignal(pid, kill);
      }
      mark = now;
    }
    addDescendants(members, entries);
    for (const member of members.values()) this.#seen.set(member.pid, member.startTime);
    this.#noteCommand(members.values());
    return [...members.values()];
  }

  #belongs(entry: ProcessEntry, entries: ReadonlyMap<number, ProcessEntry>): boolean {
    if (entry.pid === process.pid) return false;
    if (this.#seen.get(entry.pid) === entry.startTime) return true;
    const reused = this.#leaderGone && entries.has(this.#leader);
    if (!reused && (entry.group === this.#leader || entry.session === this.#leader)) return true;
    return processMarker(entry.pid) === this.#marker;
  }
}

/** Kills every process whose LILY_RUN starts with `prefix`, and their descendants. Returns how many there were. */
export async function endMarked(prefix: string): Promise<TreeEnd> {
  if (!processTableReadable) return { killed: 0, left: [] };
  const names = new Set<string>();
  const spared = ancestors();
  const endMs = performance.now() + unkillableMs;
  for (let clearLooks = 0; clearLooks < 2; ) {
    const mark = lastPid();
    const members = markedMembers(prefix, spared);
    for (const member of members.values()) {
      names.add(`${member.pid}/${member.startTime}`);
      sendSignal(member.pid, "SIGKILL");
    }
    if (performance.now() > endMs) return { killed: names.size, left: [...members.keys()] };
    // A look during which nothing was started is complete; otherwise two in a row must be clear.
    if (members.size === 0) clearLooks += lastPid() === mark ? 2 : 1;
    else {
      clearLooks = 0;
      await delay(2);
    }
  }
  return { killed: names.size, left: [] };
}

function markedMembers(prefix: string, spared: ReadonlySet<number>): Map<number, ProcessEntry> {
  const entries = new Map<number, ProcessEntry>();
  const members = new Map<number, ProcessEntry>();
  for (const pid of processIds()) {
    const entry = processEntry(pid);
    if (entry?.alive !== true || spared.has(pid)) continue;
    entries.set(pid, entry);
    if (processMarker(pid)?.startsWith(prefix) === true) members.set(pid, entry);
  }
  addDescendants(members, entries);
  return members;
}

/** This process and those above it: never ended by it, whatever they carry. */
function ancestors(): ReadonlySet<number> {
  const pids = new Set<number>();
  for (let pid = process.pid; pid > 0 && !pids.has(pid); pid = processEntry(pid)?.parent ?? 0) pids.add(pid);
  return pids;
}

function addDescendants(members: Map<number, ProcessEntry>, entries: ReadonlyMap<number, ProcessEntry>): void {
  if (members.size === 0) return;
  for (let grew = true; grew; ) {
    grew = false;
    for (const entry of entries.values()) {
      if (members.has(entry.pid) || !members.has(entry.parent) || entry.pid === process.pid) continue;
      members.set(entry.pid, entry);
      grew = true;
    }
  }
}

/** Ids given out after `from` up to `to`; all processes when they wrapped. */
function idsBetween(from: number, to: number): readonly number[] {
  if (to < from || to - from > 4096) return processIds();
  return Array.from({ length: to - from }, (_, i) => from + 1 + i);
}

/** A process for good: its pid may be another's later. */
function nameOf(member: ProcessEntry): string {
  return `${member.pid}/${member.startTime}`;
}

function groupExists(group: number): boolean {
  return sendSignal(-group, 0);
}

/** True when there was somebody to signal. */
function sendSignal(pid: number, name: "SIGTERM" | "SIGKILL" | 0): boolean {
  try {
    return process.kill(pid, name);
  } catch (thrown) {
    return thrown instanceof Error && "code" in thrown && thrown.code === "EPERM";
  }
}
