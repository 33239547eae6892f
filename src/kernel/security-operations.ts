/** Showing and setting the security state of a workspace (S1). The state holds once the port has it, whatever becomes of the record. */
import { clipText } from "../base/clip-text.ts";
import type { ErrorCode } from "../base/error-table.ts";
import { isLilyError, LilyError, messageOf } from "../base/lily-error.ts";
import type { EventDraft } from "../contracts/event.ts";
import { isSecurityState, securityRank } from "../contracts/security-rank.ts";
import type { WorkspaceBuild } from "../ledger/workspace-writer.ts";
import type { Clock } from "../ports/clock.ts";
import type { EnvironmentProbe } from "../ports/environment-probe.ts";
import type { IdSource } from "../ports/id-source.ts";
import type { SecurityControl, SecurityReading, SecurityState } from "../ports/security-monitor.ts";
import { readSecurity } from "../runtime/security-watch.ts";

/** What the marker of a step's processes is called in their environment. */
const stepMarker = "LILY_RUN";
const reasonMax = 4096;

export interface SecurityChange {
  readonly from: SecurityState;
  readonly to: SecurityState;
  readonly reason: string;
  readonly by: string;
  /** Null: recorded in the workspace stream. Else why not; the state holds all the same. */
  readonly unrecorded: { readonly code: ErrorCode; readonly message: string } | null;
}

export interface Security {
  /** The state as whoever starts a run reads it now. Never rejects: what cannot be read is LOCKDOWN, and says why. */
  show(): Promise<SecurityReading>;
  /**
   * Sets the state for every process that works in this workspace. USAGE_INVALID for an unknown state or an empty reason, UNAUTHORIZED when
   * a step lowers it, and what the port throws.
   */
  set(state: string, reason: string): Promise<SecurityChange>;
}

export interface SecurityParts {
  /** Null: nobody tells the state here, so it cannot be set. */
  readonly security: SecurityControl | null;
  readonly probe: Pick<EnvironmentProbe, "principal" | "select">;
  readonly clock: Clock;
  readonly ids: Pick<IdSource, "randomHex">;
  /** Appends to the workspace stream; may have to open the authority first, and may fail. */
  readonly record: (build: WorkspaceBuild) => Promise<unknown>;
}

export function securityOperations(parts: SecurityParts): Security {
  return {
    show: () => readSecurity(parts.security, parts.clock),
    set: (state, reason) => setState(parts, state, reason),
  };
}

async function setState(parts: SecurityParts, state: string, reasonText: string): Promise<SecurityChange> {
  const { security, probe, clock } = parts;
  if (!isSecurityState(state) || state === "UNKNOWN")
    throw new LilyError("USAGE_INVALID", `${JSON.stringify(clipText(state, 40))} is no security state; it is OPERATIONAL, DEGRADED, COMPROMISED or LOCKDOWN`);
  const reason = clipText(reasonText.toWellFormed(), reasonMax);
  if (reason.trim() === "") throw new LilyError("USAGE_INVALID", "a security state is set for a reason; give one");
  if (security === null) throw new LilyError("SECURITY_NOT_OPERATIONAL", "no security port is configured here, so the state cannot be set");
  const from = (await readSecurity(security, clock)).state;
  const by = probe.principal();
  if (securityRank(state) < securityRank(from)) await refuseSteps(parts, by, from, state);
  await security.set(state, reason, by);
  const key = `SECURITY_STATE_CHANGED/${parts.ids.randomHex(16)}`;
  const unrecorded = await recorded(parts, { kind: "SECURITY_STATE_CHANGED", key, by, data: { from, to: state, reason } });
  return { from, to: state, reason, by, unrecorded };
}

/** A step may raise the alarm and may not call it off. Without a sandbox this is advice that a step can get round (S6). */
async function refuseSteps(parts: SecurityParts, by: string, from: SecurityState, to: SecurityState): Promise<void> {
  const marker = parts.probe.select([stepMarker])[stepMarker];
  if (marker === undefined) return;
  const reason = `a step (${clipText(marker, 300)}) asked for it`;
  const key = `AUTH_DENIED/${parts.ids.randomHex(16)}`;
  await recorded(parts, { kind: "AUTH_DENIED", key, by, data: { action: "security.set", target: `${from} to ${to}`, reason } });
  throw new LilyError("UNAUTHORIZED", `${reason}: the security state is lowered from ${from} to ${to} by a person, outside of steps`, {
    details: { from, to },
  });
}

async function recorded(parts: SecurityParts, draft: EventDraft): Promise<SecurityChange["unrecorded"]> {
  try {
    await parts.record(() => [draft]);
    return null;
  } catch (thrown) {
    return { code: isLilyError(thrown) ? thrown.code : "STORAGE_FAILED", message: messageOf(thrown) };
  }
}
