/**
 * Owns: a report as it is made: what a run's bytes, documents and proofs come to as one HTML file, with all that cannot be made from the record.
 * Invariants
 * - Everything shown is made from the record and the documents that it names, so the same record gives the same file.
 * - S4 Nothing is read but what is given here.
 * Not responsible for: what the file says (report-whole), reading the workspace (kernel/report-run), writing the file.
 */
import { base64Of } from "../base/base64.ts";
import type { LedgerEvent } from "../contracts/event.ts";
import { foldExecutionRecord } from "./execution-record.ts";
import type { ReportLeaf } from "./report-anchor.ts";
import { reportChecker, type ReportProblem } from "./report-checker.ts";
import { type ReportExtras, reportExtras } from "./report-extras.ts";
import { type ReportRun, reportFold } from "./report-fold.ts";
import { reportGraph } from "./report-graph.ts";
import { reportGuidance } from "./report-guidance.ts";
import { graphLayout } from "./report-layout.ts";
import { type ReportLists, reportLists } from "./report-lists.ts";
import { reportMarkup } from "./report-markup.ts";
import { reportScript } from "./report-script.ts";
import { reportSections } from "./report-sections.ts";
import { reportStory } from "./report-story.ts";
import { reportStyles } from "./report-styles.ts";
import { reportTexts } from "./report-texts.ts";
import { reportTimeline } from "./report-timeline.ts";
import { type ReportBlocks, reportWhole, type ReportWhole } from "./report-whole.ts";
import { rollbackOf } from "./rollback-planner.ts";

export interface ReportSource {
  /** The bytes of record.jsonl, as they are. */
  readonly record: Uint8Array;
  /** Texts of artifacts that the record names and does not hold; or who finds them for the events whose hashes are right. */
  readonly documents: readonly string[] | ((events: readonly LedgerEvent[]) => Promise<readonly string[]>);
  /** Leaves of the workspace log for this run, with proofs. */
  readonly leaves: readonly ReportLeaf[];
  /** The newest checkpoint, for convenience: it vouches for nothing without the reader's key. Null when there is none. */
  readonly note: string | null;
  /** What is wrong with the record, as the workspace found it; texts for people. */
  readonly problems: readonly string[];
  readonly logHref: (path: string) => string | null;
  readonly kernelVersion: string;
  /** Null: bytes are kept as they are. */
  readonly gzip: ((bytes: Uint8Array) => Promise<Uint8Array>) | null;
}

export interface ReportPage {
  readonly html: string;
  readonly run: ReportRun;
  /** The first place where the record is not what was recorded; null when it is consistent. */
  readonly problem: ReportProblem | null;
  /** Digest of the script that the page runs. */
  readonly script: string;
}

/** The functions that the script of a page is made of, put together in the same way. */
export function wholeReport(): ReportWhole {
  const [checker, texts, markup] = [reportChecker(), reportTexts(), reportMarkup()];
  return reportWhole({
    checker,
    fold: reportFold(),
    lists: reportLists(texts, reportStory(texts)),
    texts,
    markup,
    sections: reportSections(markup, texts, reportTimeline(markup, texts), reportGraph(markup)),
    guidance: reportGuidance(markup, texts),
    extras: reportExtras(),
    styles: reportStyles,
  });
}

/** Makes the page. Never throws for a damaged record: it then shows what is before the damage, and says where that is. */
export async function reportDocument(source: ReportSource): Promise<ReportPage> {
  const checker = reportChecker();
  const checked = checker.checkRecord(source.record);
  const events = eventsOf(checked.lines, checked.hashes);
  const given = typeof source.documents === "function" ? await source.documents(events) : source.documents;
  const documents = new Map(given.map((text) => [`sha256:${checker.sha256(new TextEncoder().encode(text))}`, text]));
  const whole = wholeReport();
  const told = whole.tell(events, documents);
  const problem = checked.problem ?? checker.checkSeals(events);
  const blocks = await blocksOf(source, given, extrasOf(source, told.run, told.lists));
  const script = reportScript();
  const digest = `sha256:${checker.sha256(new TextEncoder().encode(script))}`;
  return { html: whole.html(told, problem, blocks, script), run: told.run, problem, script: digest };
}

function eventsOf(lines: readonly string[], hashes: readonly string[]): readonly LedgerEvent[] {
  // The hash of each line was checked. What an event of a newer kind means is not told; the fold passes it over.
  return lines.map((line, at) => ({ ...(JSON.parse(line) as LedgerEvent), hash: hashes[at] }) as LedgerEvent);
}

function extrasOf({ kernelVersion, problems, note, logHref }: ReportSource, run: ReportRun, lists: ReportLists): ReportExtras {
  const links = lists.logs.flatMap(([folder = "", name = "", size]) => {
    const path = `${folder}/${name}`;
    const href = size === undefined ? null : logHref(path);
    return href === null ? [] : [[path, href] as const];
  });
  return { kernelVersion, problems, note, links: Object.fromEntries(links), layout: graphLayout(run), ...auditOf(run) };
}

/** Without guidance when the events do not add up to a run: a damaged record, or one of a newer version. */
function auditOf({ events, plan }: ReportRun): Pick<ReportExtras, "guidance" | "mayHideEffects"> {
  try {
    const record = foldExecutionRecord(events, plan);
    const guidance = { scaffold: rollbackOf(record, plan), execution_hash: record.execution_hash };
    return { guidance, mayHideEffects: record.side_effects.unknown_effects };
  } catch {
    return { guidance: null, mayHideEffects: null };
  }
}

async function blocksOf({ record, leaves, gzip }: ReportSource, documents: readonly string[], extras: ReportExtras): Promise<ReportBlocks> {
  const pack = async (bytes: Uint8Array): Promise<string> => base64Of(gzip === null ? bytes : await gzip(bytes));
  return {
    format: gzip === null ? "plain" : "gzip",
    record: await pack(record),
    documents: await pack(new TextEncoder().encode(JSON.stringify(documents))),
    leaves: JSON.stringify(leaves),
    // In an element of its own, which a text with `<` in it could end.
    extras: JSON.stringify(extras).replaceAll("<", "\\u003c"),
  };
}
