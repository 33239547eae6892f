/** A security state in memory, with the promises of the port and, when told so, a monitor that fails, hangs or answers nonsense. */
import { clipText } from "../../base/clip-text.ts";
import type { SecurityControl, SecurityReading, SecurityState } from "../../ports/security-monitor.ts";

export interface MemorySecurityMonitor extends SecurityControl {
  /** From now on: `fail` rejects, `throw` throws at once, `hang` never answers, anything else is what it answers; null mends it. */
  break(how: "fail" | "throw" | "hang" | { readonly answer: unknown } | null): void;
  /** How often it was read. */
  readonly looks: number;
  /** How many attend. */
  readonly attending: number;
}

const textMax = 4096;

export function createMemorySecurityMonitor(state: Exclude<SecurityState, "UNKNOWN"> = "OPERATIONAL"): MemorySecurityMonitor {
  let current: SecurityReading = { state, boundary: "memory", reason: null };
  let broken: Parameters<MemorySecurityMonitor["break"]>[0] = null;
  let looks = 0;
  const attending = new Set<{ readonly onChange: () => void }>();
  return {
    read: () => {
      looks++;
      if (broken === null) return Promise.resolve(current);
      if (broken === "throw") throw new Error("the monitor is broken");
      if (broken === "fail") return Promise.reject(new Error("the monitor is broken"));
      if (broken === "hang") return new Promise(() => {});
      // What a monitor answers comes from outside: it may be anything at all.
      return Promise.resolve(broken.answer as SecurityReading);
    },
    set: async (next, reason, by) => {
      current = { state: next, boundary: clipText(`set by ${by}`, textMax), reason: clipText(reason, textMax) };
      for (const { onChange } of attending) onChange();
    },
    attend: (onChange) => {
      const entry = { onChange };
      attending.add(entry);
      return () => void attending.delete(entry);
    },
    break: (how) => {
      broken = how;
    },
    get looks() {
      return looks;
    },
    get attending() {
      return attending.size;
    },
  };
}
