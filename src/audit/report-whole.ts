/**
 * Owns: the whole file of a report as one text: head, every part that is shown, data blocks, script.
 * Invariants
 * - L6 The same record, documents and extras give the same bytes; so the page that is open can be made again in the reader's browser and replaced by
 *   what was made. The page holds the text of this very function: it names nothing from outside of itself.
 * - S4 No text becomes markup unescaped.
 * Not responsible for: reading the workspace (kernel/report-run), what is not made from the record (report-extras).
 */
import type { LedgerEvent } from "../contracts/event.ts";
import type { ReportChecker, ReportProblem } from "./report-checker.ts";
import type { ReportExtras } from "./report-extras.ts";
import type { ReportFold, ReportRun } from "./report-fold.ts";
import type { ReportGuidance } from "./report-guidance.ts";
import type { ReportLists } from "./report-lists.ts";
import type { ReportMarkup } from "./report-markup.ts";
import type { ReportSections, SectionParts } from "./report-sections.ts";
import type { ReportTexts } from "./report-texts.ts";

/** Data that the page holds, as the texts of its elements. */
export interface ReportBlocks {
  readonly format: string;
  readonly record: string;
  readonly documents: string;
  readonly leaves: string;
  readonly extras: string;
}

export interface Told {
  readonly run: ReportRun;
  readonly lists: ReportLists;
  /** Why nothing of it is told. */
  readonly fault: string | null;
}

export interface ReportWhole {
  tell(events: readonly LedgerEvent[], documents: ReadonlyMap<string, string>): Told;
  html(told: Told, problem: ReportProblem | null, blocks: ReportBlocks, script: string): string;
}

export interface WholeTools {
  readonly checker: Pick<ReportChecker, "sha256">;
  readonly fold: ReportFold;
  readonly lists: (run: ReportRun) => ReportLists;
  readonly texts: ReportTexts;
  readonly markup: ReportMarkup;
  readonly sections: ReportSections;
  readonly guidance: ReportGuidance;
  readonly extras: (text: string) => ReportExtras;
  readonly styles: string;
}

export function reportWhole({ checker, fold, lists: listsOf, texts, markup, sections, guidance, extras, styles }: WholeTools): ReportWhole {
  const { escapeText, section, statusClass, uncoveredBadge } = markup;

  /** Events whose hashes are right and whose data are none that this version knows are kept in the page, and nothing is told of them. */
  function tell(events: readonly LedgerEvent[], documents: ReadonlyMap<string, string>): Told {
    const told = (given: readonly LedgerEvent[], fault: string | null): Told => {
      const run = fold(given, documents);
      return { run, lists: listsOf(run), fault };
    };
    try {
      return told(events, null);
    } catch {
      return told([], "this version of Lily cannot tell what its events say");
    }
  }

  function cspHash(text: string): string {
    const hex = checker.sha256(new TextEncoder().encode(text));
    const bits = Array.from(hex, (digit) => Number.parseInt(digit, 16).toString(2).padStart(4, "0")).join("");
    const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const digits = (bits.match(/.{1,6}/g) ?? []).map((six) => alphabet[Number.parseInt(six.padEnd(6, "0"), 2)]);
    return `'sha256-${digits.join("")}='`;
  }

  function head({ run, lists }: Told, script: string): string {
    const policy = `default-src 'none'; script-src ${cspHash(script)}; style-src ${cspHash(styles)}; base-uri 'none'; form-action 'none'`;
    const status = lists.summary[0]?.[1] ?? "";
    return [
      `<!doctype html>`,
      `<html lang="en"><head><meta charset="utf-8">`,
      `<meta http-equiv="Content-Security-Policy" content="${policy}">`,
      `<meta name="viewport" content="width=device-width, initial-scale=1">`,
      `<meta name="referrer" content="no-referrer">`,
      `<meta name="color-scheme" content="light dark">`,
      `<title>${escapeText(`${titleOf(run)}: ${status}`)}</title>`,
      `<style>${styles}</style></head>`,
      `<body>`,
    ].join("\n");
  }

  function titleOf({ plan, id }: ReportRun): string {
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
    const { run } = shown;
    const damage =
      problem === null ? problems : [`event ${problem.event}${problem.kind === null ? "" : ` (${problem.kind})`}: ${problem.message}`, ...problems];
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
      section("summary", "In short", `<span class="badge" data-covers="summary">not compared</span>`, sections.summaryPart(shown)),
    ].join("\n");
  }

  /** The name is put in, so that the text of this function, which is in a script, does not end it. */
  function scriptElement(attributes: string, text: string): string {
    const name = "script";
    return `<${name}${attributes}>${text}</${name}>`;
  }

  function payload({ format, record, documents, leaves, extras: rest }: ReportBlocks): string {
    const data = (type: string, id: string, text: string, more = ""): string => scriptElement(` type="${type}" id="${id}"${more}`, text);
    return [
      data("application/octet-stream", "record", record, ` data-format="${escapeText(format)}"`),
      data("application/octet-stream", "documents", documents, ` data-format="${escapeText(format)}"`),
      data("application/json", "leaves", leaves),
      data("application/json", "extras", rest),
    ].join("\n");
  }

  function html(told: Told, problem: ReportProblem | null, blocks: ReportBlocks, script: string): string {
    const { run, lists, fault } = told;
    const { kernelVersion, problems, note, links, layout, guidance: advice, mayHideEffects } = extras(blocks.extras);
    const addresses = new Map(Object.entries(links));
    const shown: SectionParts = { run, lists, layout, logHref: (path) => addresses.get(path) ?? null };
    const body = [
      headerPart(shown, problem, [...problems, ...(fault === null ? [] : [fault])]),
      sections.storySection(shown),
      sections.timelineSection(shown),
      sections.graphSection(shown),
      sections.stepsSection(shown),
      sections.gatesSection(shown),
      sections.decisionsSection(shown),
      sections.policySection(shown),
      sections.effectsSection(shown, mayHideEffects),
      sections.securitySection(shown),
      section("rollback", "If it has to be undone", uncoveredBadge, guidance.rollbackSection(run, advice)),
      sections.dataSection(shown),
      sections.environmentSection(shown),
      sections.logsSection(shown),
      section("verify", "Check it yourself", "", guidance.verifySection(run, note)),
      `</main><footer><p>Made by Lily ${escapeText(kernelVersion)} from ${texts.count(run.events.length, "event")} of the record. This page loads nothing and sends nothing.</p></footer></div>`,
    ];
    return [head(told, script), body.join("\n"), payload(blocks), scriptElement("", script), "</body></html>", ""].join("\n");
  }

  return { tell, html };
}
