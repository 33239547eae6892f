import type { EventData } from "../contracts/events.ts";

/** OPERATIONAL < DEGRADED < COMPROMISED < LOCKDOWN (S1). UNKNOWN: nobody tells. */
export type SecurityState = EventData["SECURITY_SNAPSHOT"]["security_state"];

export interface SecurityReading {
  readonly state: SecurityState;
  /** What the port says of the boundary, in its own words; `unknown` when it says nothing. */
  readonly boundary: string;
  /** Why the state is what it is; null when nothing is to be said. */
  readonly reason: string | null;
}

/**
 * Tells the security state of a workspace. A monitor may fail, hang or answer nonsense: whoever asks treats each as LOCKDOWN (S1), so the
 * port itself promises nothing but that reading changes nothing.
 */
export interface SecurityMonitor {
  /** The state now. Called before each start and at least every 250 ms while a run goes on; a cheap look is expected. */
  read(): Promise<SecurityReading>;
  /**
   * Called while a run is led. `onChange` asks for a look at once, before the next regular one; it may be called at any time and says
   * nothing by itself. Returns how to stop; afterwards `onChange` is not called any more.
   */
  attend?(onChange: () => void): () => void;
}

/** A monitor whose state people set. Durable on return; the newest call wins; a crash in between leaves the old state or the new one. */
export interface SecurityControl extends SecurityMonitor {
  set(state: Exclude<SecurityState, "UNKNOWN">, reason: string, by: string): Promise<void>;
}
