/** The parts of a report that show the record: each list once, with a badge that the page sets when it has compared. */
import type { ReportRun } from "./report-fold.ts";
import type { ReportLists, ReportRow } from "./report-lists.ts";
import type { ReportTexts } from "./report-texts.ts";
import type { ReportGraph } from "./report-graph.ts";
import type { GraphLayout } from "./report-layout.ts";
import type { Column, ColumnKind, ReportMarkup } from "./report-markup.ts";
import type { ReportTimeline } from "./report-timeline.ts";

export interface SectionParts {
  readonly run: ReportRun;
  readonly lists: ReportLists;
  /** Address of a log, relative to the page; null when the file is not there. By path in the run's folder. */
  readonly logHref: (path: string) => string | null;
  /** Where the parts of the graph stand; null when it is not drawn. */
  readonly layout: GraphLayout | null;
}

export type ReportSections = ReturnType<typeof reportSections>;

export function reportSections(
  { coveredBadge, details, escapeText, listPairs, listTable, listTableOr, section, uncoveredBadge }: ReportMarkup,
  texts: ReportTexts,
  timelinePicture: ReportTimeline,
  graphPicture: ReportGraph,
) {
  const tailsMax = 12;
  const tailLines = 20;
  const tailChars = 2_000;

  function columns(...named: readonly (readonly [title: string, kind: ColumnKind])[]): readonly Column[] {
    return named.map(([title, kind]) => ({ title, kind }));
  }

  function storySection({ lists }: SectionParts): string {
    const paragraph = (name: "beginning" | "ending", kind: string): string =>
      `<p class="${kind}" data-list="${name}">${lists[name].map(([text = ""]) => `<span><span data-c>${escapeText(text)}</span> </span>`).join("")}</p>`;
    const events = lists.events.map(
      ([time = "", text = ""]) => `<li><span class="t" data-c>${escapeText(time)}</span><span data-c>${escapeText(text)}</span></li>`,
    );
    return section(
      "story",
      "What happened",
      coveredBadge("beginning", "events", "ending"),
      `${paragraph("beginning", "lead")}\n<ol class="events" data-list="events">${events.join("\n")}</ol>\n${paragraph("ending", "lead")}`,
    );
  }

  function summaryPart({ lists }: SectionParts): string {
    return listPairs(lists, "summary", (label) => label === "Run" || label === "Plan" || label === "Head");
  }

  function timelineSection({ run, lists }: SectionParts): string {
    return section("timeline", "Timeline", coveredBadge("timeline"), timelinePicture(run, lists));
  }

  function graphSection({ run, lists, layout }: SectionParts): string {
    // Places of boxes are computed where the page is made; what is in them is made from the record.
    const placed = layout === null ? "" : ` <span class="badge">(but where boxes and arrows stand)</span>`;
    return section("graph", "Step graph", `${coveredBadge("graph")}${placed}`, graphPicture(run, lists, layout));
  }

  function stepsSection(parts: SectionParts): string {
    const { lists } = parts;
    const steps = columns(["Step", "head"], ["Status", "status"], ["Attempts", "number"], ["Time", "number"], ["Why", "text"]);
    const attempts = columns(
      ["Step", "head"],
      ["Attempt", "number"],
      ["Outcome", "status"],
      ["Because", "plain"],
      ["Started", "plain"],
      ["Time", "number"],
      ["Executor", "plain"],
      ["Enforced", "text"],
    );
    const content = [
      listTableOr(lists, "steps", "Steps, each with why it is as it is", steps, "There are no steps."),
      lists.attempts.length === 0
        ? `<p class="quiet">No attempt was made.</p><div hidden data-list="attempts"></div>`
        : details(
            "Every attempt, with what was enforced",
            `<p class="quiet">Attempts are never overwritten. Prevented: a sandbox or a check before the start kept it from happening. Observed: found by comparing before and after. Unenforced: nobody looked.</p>${listTable(lists, "attempts", "Attempts", attempts)}`,
          ),
      tails(parts),
    ];
    return section("steps", "Steps", coveredBadge("steps", "attempts"), content.join("\n"));
  }

  /** The end of what failed wrote, where it rides in the record: the first thing that a reader looks for. */
  function tails({ run }: SectionParts): string {
    const failed = [
      ...run.steps.flatMap((step) =>
        step.attempts
          .filter(({ outcome }) => outcome !== "completed" && outcome !== "running")
          .map((attempt) => ({ name: `${step.id}, attempt ${attempt.n}`, logs: attempt.logs })),
      ),
      ...run.gates
        .filter(({ verdict }) => verdict !== "passed")
        .map((gate) => ({ name: `gate ${gate.id}, ${gate.step === null ? "of the run" : `attempt ${gate.attempt} of ${gate.step}`}`, logs: gate.logs })),
    ];
    const shown = failed.flatMap(({ name, logs }) =>
      logs.flatMap((id) => {
        const text = run.textOf(id);
        const file = run.artifacts.get(id)?.ref.artifact_name ?? "log";
        return text === null || text.trim() === "" ? [] : [{ title: `${name}: ${texts.plain(file, 80)}`, text: tailOf(text) }];
      }),
    );
    if (shown.length === 0) return "";
    const parts = shown.slice(0, tailsMax).map(({ title, text }) => `<h3>${escapeText(title)}</h3><pre tabindex="0">${escapeText(text)}</pre>`);
    const more = shown.length > tailsMax ? `<p class="quiet">and ${shown.length - tailsMax} more logs</p>` : "";
    return details("What failed attempts and gates wrote last", `<p class="quiet">As far as the record itself holds them.</p>${parts.join("")}${more}`);
  }

  function tailOf(text: string): string {
    const lines = text.slice(-tailChars).trimEnd().split("\n").slice(-tailLines);
    return lines.map((line) => texts.plain(line.replace(/\r$/, ""), 300)).join("\n");
  }

  function gatesSection({ lists }: SectionParts): string {
    const shown = columns(
      ["Gate", "head"],
      ["Of", "plain"],
      ["Verdict", "status"],
      ["Kind", "plain"],
      ["Reason", "text"],
      ["Figures", "plain"],
      ["Time", "number"],
    );
    const note = `<p class="quiet">A gate is a check after a step or after the run. A required gate that fails, errs or times out is never a pass.</p>`;
    return section(
      "gates",
      "Gates",
      coveredBadge("gates"),
      `${note}${listTableOr(lists, "gates", "Verdicts in the order in which they were given", shown, "No gate was judged.")}`,
    );
  }

  function decisionsSection({ lists }: SectionParts): string {
    const shown = columns(["Time", "plain"], ["Who or what", "head"], ["Decided", "plain"], ["About", "plain"], ["Reason", "text"]);
    return section(
      "decisions",
      "Routes, reuse and people",
      coveredBadge("decisions"),
      listTableOr(lists, "decisions", "What led the run another way", shown, "No route was taken, nothing was reused, and nobody stepped in."),
    );
  }

  function policySection({ lists }: SectionParts): string {
    const shown = columns(["Attempt", "head"], ["Kind", "plain"], ["What", "text"]);
    const rules =
      lists.policy.length === 0
        ? `<p class="quiet">There is no plan yet, so there is no policy.</p><div hidden data-list="policy"></div>`
        : listPairs(lists, "policy", (label) => label === "Digest");
    const content = `${rules}<h3>Violations</h3>${listTableOr(lists, "violations", "Breaches of the policy", shown, "No violation was recorded.")}<p class="quiet">How far each rule was enforced stands with each attempt, under Steps.</p>`;
    return section("policy", "Policy and enforcement", coveredBadge("policy", "violations"), content);
  }

  function effectsSection({ lists }: SectionParts, mayHideEffects: boolean | null): string {
    const declared = columns(["Step", "head"], ["Category", "plain"], ["What", "text"], ["Undo", "plain"], ["Hint", "text"], ["Did it run", "plain"]);
    const observed = columns(["Attempt", "head"], ["Category", "plain"], ["What", "text"], ["Undo", "plain"], ["Told by", "plain"]);
    const unknown =
      mayHideEffects === false
        ? "Every attempt ran in a sandbox without network, and its writes were held or compared. Lily knows of no way by which there were others."
        : "There may be other effects: not everything that ran was held in a sandbox, and nobody can tell what it changed elsewhere.";
    const content = [
      `<h3>Declared by the workflow</h3>`,
      listTableOr(lists, "declared", "Declared side effects", declared, "The workflow declares none."),
      `<h3>Observed or reported</h3>`,
      listTableOr(lists, "observed", "Observed side effects", observed, "None was observed or reported."),
      `<p>${unknown} ${uncoveredBadge}</p>`,
    ];
    return section("effects", "Side effects", coveredBadge("declared", "observed"), content.join("\n"));
  }

  function securitySection({ lists }: SectionParts): string {
    const shown = columns(["Time", "plain"], ["When", "head"], ["State", "plain"], ["Boundary", "plain"], ["Context", "text"]);
    const note = `<p class="quiet">UNKNOWN means that no security port is configured, so that nobody vouches for the workspace.</p>`;
    return section(
      "security",
      "Security",
      coveredBadge("security"),
      `${note}${listTableOr(lists, "security", "Security snapshots", shown, "No snapshot was taken.")}`,
    );
  }

  function dataSection({ lists }: SectionParts): string {
    const inputs = columns(["Input", "head"], ["SHA-256 of the bytes", "code"], ["Type", "plain"], ["Size", "number"]);
    const outputs = columns(["Step", "head"], ["Output", "plain"], ["SHA-256 of the bytes", "code"], ["Type", "plain"], ["Size", "number"]);
    const code = columns(["File", "head"], ["SHA-256 of the bytes", "code"]);
    const content = [
      `<h3>Inputs</h3>`,
      listTableOr(lists, "inputs", "Inputs of the run", inputs, "The run took no inputs."),
      `<h3>Outputs</h3>`,
      listTableOr(lists, "outputs", "Outputs as they stand at the end", outputs, "The run has no outputs."),
      `<h3>Code that the plan binds</h3>`,
      listTableOr(lists, "code", "Files, each with the digest that the plan binds", code, "The plan binds no files of code."),
    ];
    return section("data", "Inputs, outputs and code", coveredBadge("inputs", "outputs", "code"), content.join("\n"));
  }

  function environmentSection({ lists }: SectionParts): string {
    const shown = columns(["What", "head"], ["Value", "text"]);
    const table =
      lists.environment.length === 0
        ? `<p class="quiet">None was captured.</p><div hidden data-list="environment"></div>`
        : details("Machine, tools, lockfiles and source", listTable(lists, "environment", "Environment when the run started", shown));
    return section("environment", "Environment and source", coveredBadge("environment"), table);
  }

  function logsSection({ lists, logHref }: SectionParts): string {
    const shown = columns(["Folder", "head"], ["Log", "plain"], ["Size", "number"], ["SHA-256 of the bytes", "code"]);
    const links = lists.logs.flatMap((row) => linkOf(row, logHref));
    const linked = links.length === 0 ? `<p class="quiet">The log files are not beside this page.</p>` : `<ul class="logs">${links.join("\n")}</ul>`;
    const content = [
      `<p class="quiet">Links lead to files of the run's folder, as it lay beside this page when it was made. A link vouches for nothing: compare <code>sha256sum</code> of the file with the digest in the table.</p>`,
      lists.logs.length === 0 ? "" : details("Open logs", linked),
      lists.logs.length === 0
        ? listTableOr(lists, "logs", "Logs", shown, "Nothing was written to a log.")
        : details("Sizes and digests of logs", listTable(lists, "logs", "Logs as they were recorded", shown)),
    ];
    return section("logs", "Logs", coveredBadge("logs"), content.join("\n"));
  }

  function linkOf(row: ReportRow, logHref: (path: string) => string | null): readonly string[] {
    const [folder = "", name = "", size = ""] = row;
    const path = `${folder}/${name}`;
    const href = row.length < 3 ? null : logHref(path);
    return href === null ? [] : [`<li><a href="${escapeText(href)}">${escapeText(path)}</a> <span class="quiet">${escapeText(size)}</span></li>`];
  }

  return {
    storySection,
    summaryPart,
    timelineSection,
    graphSection,
    stepsSection,
    gatesSection,
    decisionsSection,
    policySection,
    effectsSection,
    securitySection,
    dataSection,
    environmentSection,
    logsSection,
  };
}
