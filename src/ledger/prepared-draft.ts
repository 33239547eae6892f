import type { JsonValue } from "../base/json-value.ts";
import { isLilyError, LilyError } from "../base/lily-error.ts";
import type { EventDraft } from "../contracts/event.ts";
import { type EventKind, isEventKind } from "../contracts/events.ts";
import { checkedData, dataText } from "./event-line.ts";

/** A draft that fits its schema, with its canonical data. The writer's own copy: later changes to the draft do not reach it. */
export interface PreparedDraft {
  readonly kind: EventKind;
  readonly key: string;
  readonly by: string;
  /** The writer's own time; null for the time of the commit. */
  readonly at: string | null;
  readonly data: JsonValue;
  readonly text: string;
}

const keyLengthMax = 1024;
const timePattern = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z$/;

/** Checks a draft down to the schema of its kind. Throws LEDGER_EVENT_INVALID. */
export function prepareDraft(draft: EventDraft): PreparedDraft {
  const { kind, key, by } = draft;
  if (!isEventKind(kind)) throw new LilyError("LEDGER_EVENT_INVALID", `there is no event kind ${String(kind)}`);
  checkText(kind, "key", key);
  checkText(kind, "by", by);
  if (draft.at !== undefined && !timePattern.test(draft.at))
    throw new LilyError("LEDGER_EVENT_INVALID", `at of ${kind} must be RFC 3339 UTC with milliseconds`, { details: { kind } });
  const data = checkedData(kind, draft.data);
  return { kind, key, by, at: draft.at ?? null, data, text: canonicalText(kind, data) };
}

function checkText(kind: EventKind, member: string, text: string): void {
  if (typeof text === "string" && text.length > 0 && text.length <= keyLengthMax && text.isWellFormed()) return;
  throw new LilyError("LEDGER_EVENT_INVALID", `${member} of ${kind} must be well-formed text of 1 to ${keyLengthMax} characters`, {
    details: { kind, member },
  });
}

function canonicalText(kind: EventKind, data: JsonValue): string {
  try {
    return dataText(data);
  } catch (cause) {
    const why = isLilyError(cause) ? cause.message : "";
    throw new LilyError("LEDGER_EVENT_INVALID", `data of ${kind} has no canonical form: ${why}`, { cause, details: { kind } });
  }
}
