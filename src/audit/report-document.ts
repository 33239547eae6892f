/**
 * Owns: the one HTML file of a report: what it shows, what it holds, and what it may do (nothing but its own script, no network).
 * Invariants
 * - Everything shown is made from the record and the documents that it names, so the same record gives the same file.
 * - S4 No text becomes markup unescaped, and nothing is read but what is given here.
 * Not responsible for: reading the workspace (kernel/report-run), writing the file.
 */
import { base64Of } from "../base/base64.ts";
import { sha256Raw } from "../base/digest.ts";
import { messageOf } from "../base/lily-error.ts";
import type { LedgerEvent } from "../contracts/event.ts";
import type { ReportLeaf } from "./report-anchor.ts";
import { reportChecker, type ReportProblem } from "./report-checker.ts";
import { foldExecutionRecord } from "./execution-record.ts";
import { reportFold, type ReportRun } from "./report-fold.ts";
import { type ReportLists, reportLists } from "./report-lists.ts";
import { escapeText, section, statusClass, uncoveredBadge } from "./report-markup.ts";
import { type ReportAudit, rollbackSection, verifySection } from "./report-guidance.ts";
import { rollbackOf } from "./rollback-planner.ts";
import { reportScript } from "./report-script.ts";
import {
  dataSection,
  decisionsSection,
  effectsSection,
  environmentSection,
  gatesSection,
  graphSection,
  logsSection,
  policySection,
  type SectionParts,
  securitySection,
  stepsSection,
  storySection,
  summaryPart,
  timelineSection,
} from "./report-sections.ts";
import { reportStory } from "./report-story.ts";
import { reportStyles } from "./report-styles.ts";
import { reportTexts } from "./report-texts.ts";

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
}

/** Makes the page. Never throws for a damaged record: it then shows what is before the damage, and says where that is. */
export async function reportDocument(source: ReportSource): Promise<ReportPage> {
  const checker = reportChecker();
  const texts = reportTexts();
  const checked = checker.checkRecord(source.record);
  const events = eventsOf(checked.lines, checked.hashes);
  const given = typeof source.documents === "function" ? await source.documents(events) : source.documents;
  const documents = new Map(given.map((text) => [`sha256:${checker.sha256(new TextEncoder().encode(text))}`, text]));
  const { run, lists, fault } = toldOf(events, documents);
  const problem = checked.problem ?? checker.checkSeals(events);
  const audit = auditOf(run);
  const parts: SectionParts = { run, lists, texts, logHref: source.logHref };
  const body = [
    headerPart(parts, problem, [...source.problems, ...(fault === null ? [] : [fault])]),
    storySection(parts),
    timelineSection(parts),
    graphSection(parts),
    stepsSection(parts),
    gatesSection(parts),
    decisionsSection(parts),
    policySection(parts),
    effectsSection(parts, audit?.record.side_effects.unknown_effects ?? null),
    securitySection(parts),
    section("rollback", "If it has to be undone", uncoveredBadge, rollbackSection(run, audit)),
    dataSection(parts),
    environmentSection(parts),
    logsSection(parts),
    section("verify", "Check it yourself", "", verifySection(run, source.note)),
    `</main><footer><p>Made by Lily ${escapeText(source.kernelVersion)} from ${texts.count(events.length, "event")} of the record. This page loads nothing and sends nothing.</p></footer></div>`,
  ];
  const html = [head(run, lists), body.join("\n"), await payload(source, given), `<script>${reportScript()}</script>`, "</body></html>", ""].join("\n");
  return { html, run, problem };
}

interface Told {
  readonly run: ReportRun;
  readonly lists: ReportLists;
  readonly fault: string | null;
}

/** Events whose hashes are right and whose data are none that this version knows are kept in the page, and nothing is told of them. */
function toldOf(events: readonly LedgerEvent[], documents: ReadonlyMap<string, string>): Told {
  const texts = reportTexts();
  const tell = (told: readonly LedgerEvent[], fault: string | null): Told => {
    const run = reportFold()(told, documents);
    return { run, lists: reportLists(texts, reportStory(texts))(run), fault };
  };
  try {
    return tell(events, null);
  } catch (thrown) {
    return tell([], `this version of Lily cannot tell what its events say (${messageOf(thrown)})`);
  }
}

function eventsOf(lines: readonly string[], hashes: readonly string[]): readonly LedgerEvent[] {
  // The hash of each line was checked. What an event of a newer kind means is not told; the fold passes it over.
  return lines.map((line, at) => ({ ...(JSON.parse(line) as LedgerEvent), hash: hashes[at] }) as LedgerEvent);
}

/** Null when the events do not add up to a run: a damaged record, or one of a newer version. */
function auditOf({ events, plan }: ReportRun): ReportAudit | null {
  try {
    const record = foldExecutionRecord(events, plan);
    return { record, scaffold: rollbackOf(record, plan) };
  } catch {
    return null;
  }
}

function cspHash(text: string): string {
  return `'sha256-${base64Of(sha256Raw(new TextEncoder().encode(text)))}'`;
}

function head(run: ReportRun, lists: ReportLists): string {
  const policy = `default-src 'none'; script-src ${cspHash(reportScript())}; style-src ${cspHash(reportStyles)}; base-uri 'none'; form-action 'none'`;
  const status = lists.summary[0]?.[1] ?? "";
  return [
    `<!doctype html>`,
    `<html lang="en"><head><meta charset="utf-8">`,
    `<meta http-equiv="Content-Security-Policy" content="${policy}">`,
    `<meta name="viewport" content="width=device-width, initial-scale=1">`,
    `<meta name="referrer" content="no-referrer">`,
    `<meta name="color-scheme" content="light dark">`,
    `<title>${escapeText(`${titleOf(run)}: ${status}`)}</title>`,
    `<style>${reportStyles}</style></head>`,
    `<body>`,
  ].join("\n");
}

function titleOf({ plan, id }: ReportRun): string {
  const texts = reportTexts();
  return plan === null ? `Run ${texts.plain(id)}` : texts.plain(plan.title ?? plan.workflow, 160);
}

const parts: readonly (readonly [id: string, title: string])[] = [
  ["story", "What happened"],
  ["timeline", "Timeline"],
  ["graph", "Graph"],
  ["steps", "Steps"],
  ["gates", "Gates"],
  ["decisions", "Routes and people"],
  ["policy", "Policy"],
  ["effects", "Side effects"],
  ["security", "Security"],
  ["rollback", "Rollback"],
  ["data", "Data"],
  ["environment", "Environment"],
  ["logs", "Logs"],
  ["verify", "Check it yourself"],
];

function headerPart(shown: SectionParts, problem: ReportProblem | null, problems: readonly string[]): string {
  const { run, texts } = shown;
  const damage = problem === null ? problems : [`event ${problem.event}${problem.kind === null ? "" : ` (${problem.kind})`}: ${problem.message}`, ...problems];
  const notice =
    damage.length === 0
      ? ""
      : `<div class="notice" role="note"><p><strong>${problem === null ? "This page could not be made in full." : "The record of this run was damaged when this page was made."}</strong> What follows is what could be told.</p><ul>${damage
          .slice(0, 5)
          .map((text) => `<li>${escapeText(texts.plain(text))}</li>`)
          .join("")}</ul></div>`;
  return [
    `<a class="skip" href="#main">Skip to the report</a><div class="page">`,
    `<header><p class="over">Run report</p><h1>${escapeText(titleOf(run))}</h1>`,
    `<p class="state-now"><span class="${statusClass(run.status)}">${escapeText(run.status)}</span></p>`,
    `<div id="verdict" class="verdict unchecked" role="status" aria-live="polite" aria-label="Check of the record"><p class="headline">Not checked</p><p>This page holds the record of the run and checks it when it is opened. It has not done so yet: it needs JavaScript, which also runs without any network.</p></div>`,
    notice,
    `<nav aria-label="Parts of the report"><ul>${parts.map(([id, title]) => `<li><a href="#${id}">${title}</a></li>`).join("")}</ul></nav></header>`,
    `<main id="main" tabindex="-1">`,
    section("summary", "In short", `<span class="badge" data-covers="summary">not compared</span>`, summaryPart(shown)),
  ].join("\n");
}

async function payload({ record, leaves, gzip }: ReportSource, documents: readonly string[]): Promise<string> {
  const format = gzip === null ? "plain" : "gzip";
  const pack = async (bytes: Uint8Array): Promise<string> => base64Of(gzip === null ? bytes : await gzip(bytes));
  const texts = new TextEncoder().encode(JSON.stringify(documents));
  return [
    `<script type="application/octet-stream" id="record" data-format="${format}">${await pack(record)}</script>`,
    `<script type="application/octet-stream" id="documents" data-format="${format}">${await pack(texts)}</script>`,
    `<script type="application/json" id="leaves">${JSON.stringify(leaves)}</script>`,
  ].join("\n");
}
