/**
 * What a report shows and cannot make again from its record. It rides in the page as one data block, is read by the same function where the page
 * is made and where it is opened, and is marked in the page as not compared. The page holds the text of this very function.
 */
import type { ReportAdvice } from "./report-guidance.ts";
import type { GraphLayout } from "./report-layout.ts";

export interface ReportExtras {
  readonly kernelVersion: string;
  /** What the workspace found wrong with the record. */
  readonly problems: readonly string[];
  /** The newest checkpoint when the page was made. */
  readonly note: string | null;
  /** Path in the run's folder to address beside the page. */
  readonly links: Readonly<Record<string, string>>;
  readonly layout: GraphLayout | null;
  readonly guidance: ReportAdvice | null;
  /** Whether there may be side effects that nobody saw; null when that is not known. */
  readonly mayHideEffects: boolean | null;
}

/** Whoever edits the block can put any JSON into it: what does not fit is left out, and nothing throws. */
export function reportExtras(): (text: string) => ReportExtras {
  type Members = Readonly<Record<string, unknown>>;

  function membersOf(value: unknown): Members {
    return typeof value === "object" && value !== null ? (value as Members) : {};
  }

  function parsed(text: string): Members {
    try {
      return membersOf(JSON.parse(text));
    } catch {
      return {};
    }
  }

  function texts(value: unknown): string[] {
    return Array.isArray(value) ? value.filter((item) => typeof item === "string") : [];
  }

  function isPoints(value: unknown): value is (readonly [number, number])[] {
    return Array.isArray(value) && value.every((point) => Array.isArray(point) && point.length === 2 && point.every(Number.isFinite));
  }

  function layoutOf(value: unknown): GraphLayout | null {
    const { width, height, nodes, edges } = membersOf(value);
    if (typeof width !== "number" || typeof height !== "number" || !isPoints(nodes)) return null;
    return Array.isArray(edges) && edges.every(isPoints) ? { width, height, nodes, edges } : null;
  }

  function guidanceOf(value: unknown): ReportAdvice | null {
    const { scaffold, execution_hash } = membersOf(value);
    const { is_rollback_possible, reason, warnings, rollback_hints, irreversible_steps, manual_steps, execution_id } = membersOf(scaffold);
    if (typeof execution_hash !== "string" || typeof reason !== "string" || typeof execution_id !== "string") return null;
    const hints = (Array.isArray(rollback_hints) ? rollback_hints : []).map((hint: unknown) => {
      const { step_index, description, actions } = membersOf(hint);
      const what = typeof description === "string" ? description : "";
      return { step_index: Number(step_index), description: what, actions: texts(actions), required_inputs: {}, risks: [], estimated_duration: null };
    });
    return {
      execution_hash,
      scaffold: {
        execution_id,
        is_rollback_possible: is_rollback_possible === true,
        reason,
        warnings: texts(warnings),
        rollback_hints: hints,
        irreversible_steps: (Array.isArray(irreversible_steps) ? irreversible_steps : []).map(Number),
        manual_steps: texts(manual_steps),
      },
    };
  }

  return (text) => {
    const { kernelVersion, problems, note, links, layout, guidance, mayHideEffects } = parsed(text);
    // Only places beside the page: no scheme, no host.
    const addresses = Object.entries(membersOf(links)).filter(
      (entry): entry is [string, string] => typeof entry[1] === "string" && /^\.\/[^\s\\]*$/.test(entry[1]),
    );
    return {
      kernelVersion: typeof kernelVersion === "string" && /^[\w.+-]{1,40}$/.test(kernelVersion) ? kernelVersion : "of another version",
      problems: texts(problems),
      note: typeof note === "string" ? note : null,
      links: Object.fromEntries(addresses),
      layout: layoutOf(layout),
      guidance: guidanceOf(guidance),
      mayHideEffects: typeof mayHideEffects === "boolean" ? mayHideEffects : null,
    };
  };
}
