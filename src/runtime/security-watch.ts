/**
 * Owns: the security state that a run started in, and the newest reading of it.
 * States: watching -> escalated | stopped.
 * Invariants:
 *   S1 a monitor that errs, answers nonsense or takes longer than a second reads as LOCKDOWN; a rise above the state at the start escalates
 *   once; the state is read before each start and at least every 250 ms.
 * Not responsible for: ending steps and closing the run (run-shell).
 */
import { clipText } from "../base/clip-text.ts";
import { messageOf } from "../base/lily-error.ts";
import { isSecurityState, securityRank } from "../contracts/security-rank.ts";
import type { EventBody } from "../contracts/event.ts";
import type { Clock } from "../ports/clock.ts";
import type { SecurityMonitor, SecurityReading, SecurityState } from "../ports/security-monitor.ts";

const readingMsMax = 1_000;
/** S1 says 250 ms at the latest: what a look and a busy process take is left over. */
const lookEveryMs = 200;
const textMax = 4096;

export interface Escalation {
  readonly from: SecurityState;
  readonly reading: SecurityReading;
}

export interface SecurityWatch {
  /** The newest reading; never waits. */
  latest(): SecurityReading;
  /** Reads now. Never rejects; an escalation is told to `onRise`. */
  look(): Promise<SecurityReading>;
  /** Ends the regular looks. Idempotent. */
  stop(): Promise<void>;
}

/** What a workspace without a monitor reads. */
export const unknownReading: SecurityReading = { state: "UNKNOWN", boundary: "unknown", reason: null };

/** One reading that never rejects: what cannot be read is LOCKDOWN, and says why. */
export async function readSecurity(monitor: SecurityMonitor | null, clock: Clock): Promise<SecurityReading> {
  if (monitor === null) return unknownReading;
  const answer = ask(monitor);
  // A monitor that answers at once, as a look at a file does, costs no timer: it is asked before every start.
  const prompt = await Promise.race([answer, fewTurns()]);
  if (prompt !== null) return prompt;
  const timer = new AbortController();
  const late = clock.sleep(readingMsMax, timer.signal).then(() => closed(`the security monitor did not answer within ${readingMsMax} ms`));
  try {
    return await Promise.race([answer, late]);
  } finally {
    timer.abort();
  }
}

async function ask(monitor: SecurityMonitor): Promise<SecurityReading> {
  try {
    return checked(await monitor.read());
  } catch (thrown) {
    return closed(`the security monitor failed: ${messageOf(thrown)}`);
  }
}

async function fewTurns(): Promise<null> {
  for (let turns = 0; turns < 8; turns++) await Promise.resolve();
  return null;
}

/** What a monitor answered, from outside: only a state that the table knows counts. */
function checked(reading: SecurityReading): SecurityReading {
  if (typeof reading !== "object" || reading === null || !isSecurityState(reading.state) || reading.state === "UNKNOWN")
    return closed("the security monitor answered what is no security state");
  const reason = typeof reading.reason === "string" ? clipText(reading.reason, textMax) : null;
  return { state: reading.state, boundary: typeof reading.boundary === "string" ? clipText(reading.boundary, textMax) : "unknown", reason };
}

function closed(reason: string): SecurityReading {
  return { state: "LOCKDOWN", boundary: "unknown", reason: clipText(reason, textMax) };
}

/** `first` is the reading that the run started with. */
export function watchSecurity(monitor: SecurityMonitor | null, clock: Clock, first: SecurityReading, onRise: (escalation: Escalation) => void): SecurityWatch {
  let newest = first;
  let asked = 0;
  let answered = 0;
  let risen = false;
  const stopper = new AbortController();
  const look = async (): Promise<SecurityReading> => {
    const mine = ++asked;
    const reading = await readSecurity(monitor, clock);
    // Looks may overlap; a slow answer to an earlier question is no news.
    if (mine > answered) newest = reading;
    answered = Math.max(answered, mine);
    if (!risen && !stopper.signal.aborted && securityRank(reading.state) > securityRank(first.state)) {
      risen = true;
      onRise({ from: first.state, reading });
    }
    return reading;
  };
  const regular = monitor === null ? Promise.resolve() : lookRegularly(clock, stopper.signal, look);
  const leave = monitor?.attend?.(() => void look());
  return {
    latest: () => newest,
    look: monitor === null ? async () => newest : look,
    stop: async () => {
      stopper.abort();
      leave?.();
      await regular;
    },
  };
}

async function lookRegularly(clock: Clock, stopped: AbortSignal, look: () => Promise<SecurityReading>): Promise<void> {
  while (!stopped.aborted) {
    await clock.sleep(lookEveryMs, stopped);
    if (!stopped.aborted) await look();
  }
}

const contexts = { completed: "Post-execution (completed)", failed: "Post-execution (failed)", escalation: "Post-execution (escalation)" } as const;

/** The worse of two readings, the first when they rank alike. */
export function worseReading(one: SecurityReading, other: SecurityReading): SecurityReading {
  return securityRank(other.state) > securityRank(one.state) ? other : one;
}

/** SECURITY_SNAPSHOT before or after; `mark` makes its key the only one of its kind. */
export function snapshotBody(phase: "pre" | "post", reading: SecurityReading, ending: keyof typeof contexts | null, mark: number): EventBody {
  const data = { phase, security_state: reading.state, boundary_state: reading.boundary, context: ending === null ? "Pre-execution" : contexts[ending] };
  return { kind: "SECURITY_SNAPSHOT", key: `SECURITY_SNAPSHOT/${phase}/${mark}`, data };
}
