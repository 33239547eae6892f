/**
 * Owns: what SIGUSR2 means to this process: LOCKDOWN, from then on, for every run that it leads or would lead.
 * States: unheard -> heard, for as long as the process lives. The handler is there while a run is led, and only then: at other times the
 * signal does what the system does with it, which ends the process.
 */
import process from "node:process";
import type { SecurityControl, SecurityReading } from "../../ports/security-monitor.ts";

const signal = "SIGUSR2";
const reading: SecurityReading = { state: "LOCKDOWN", boundary: `process ${process.pid} got ${signal}`, reason: `the process that leads runs got ${signal}` };

export class LockdownSignal {
  readonly #listeners = new Set<() => void>();
  #heard = false;

  /** The same control, with LOCKDOWN once the signal came. */
  over(control: SecurityControl): SecurityControl {
    return {
      read: async () => (this.#heard ? reading : control.read()),
      set: (state, reason, by) => control.set(state, reason, by),
      attend: (onChange) => {
        const leave = this.#attend(onChange);
        const leaveInner = control.attend?.(onChange);
        return () => {
          leave();
          leaveInner?.();
        };
      },
    };
  }

  #attend(onChange: () => void): () => void {
    // A listener of its own, so that two runs which attend with the same function do not end each other.
    const listener = (): void => onChange();
    if (this.#listeners.size === 0) process.on(signal, this.#hear);
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
      if (this.#listeners.size === 0) process.off(signal, this.#hear);
    };
  }

  readonly #hear = (): void => {
    this.#heard = true;
    for (const listener of this.#listeners) listener();
  };
}

/** A process has one. */
export const processLockdown = new LockdownSignal();
