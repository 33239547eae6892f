/**
 * The parts of a report that are not made from the record alone: guidance for undoing by hand, and how to check the record elsewhere. The page
 * holds the text of this very function: it names nothing from outside of itself.
 */
import type { RollbackScaffold } from "../artifacts/builtin-schemas.ts";
import type { ReportRun } from "./report-fold.ts";
import type { ReportMarkup } from "./report-markup.ts";
import type { ReportTexts } from "./report-texts.ts";

/** Made where the page is made; the page does not make it again. */
export interface ReportAdvice {
  readonly scaffold: RollbackScaffold;
  readonly execution_hash: string;
}

export interface ReportGuidance {
  rollbackSection(run: ReportRun, guidance: ReportAdvice | null): string;
  verifySection(run: ReportRun, note: string | null): string;
}

export function reportGuidance({ escapeText }: ReportMarkup, { plain }: ReportTexts): ReportGuidance {
  const hintsMax = 100;

  function rollbackSection(run: ReportRun, guidance: ReportAdvice | null): string {
    if (guidance === null) return `<p>No guidance can be given: the record does not tell a whole run.</p>`;
    const { is_rollback_possible, reason, warnings, rollback_hints, irreversible_steps, manual_steps } = guidance.scaffold;
    const name = (index: number): string => run.plan?.steps[index]?.id ?? "the run";
    const items = (texts: readonly string[], kind = "ul"): string =>
      `<${kind}>${texts.map((text) => `<li>${escapeText(plain(text, 1_000))}</li>`).join("")}</${kind}>`;
    const hints = rollback_hints
      .slice(0, hintsMax)
      .map((hint) => `<li><strong>${escapeText(name(hint.step_index))}</strong>: ${escapeText(plain(hint.description))}${items(hint.actions)}</li>`);
    return [
      `<p class="lead">${is_rollback_possible ? "Undoing by hand may be possible." : "There is nothing that this guidance can undo."} ${escapeText(plain(reason))}</p>`,
      `<p class="quiet">Lily never undoes anything by itself. Hints are the author's own words.</p>`,
      warnings.length === 0 ? "" : `<h3>Warnings</h3>${items(warnings)}`,
      irreversible_steps.length === 0 ? "" : `<h3>Steps that cannot be undone, or of which nobody knows</h3>${items(irreversible_steps.map(name))}`,
      hints.length === 0 ? "" : `<h3>Hints</h3><ul>${hints.join("")}</ul>`,
      manual_steps.length === 0 ? "" : `<h3>Checklist</h3>${items(manual_steps, "ol")}`,
      `<p class="quiet">Digest of the execution record: <code>${escapeText(guidance.execution_hash)}</code></p>`,
    ].join("\n");
  }

  /** The form is hidden until the script can use it. The key field is empty on purpose: a page that brings its own key proves nothing. */
  function verifySection(run: ReportRun, note: string | null): string {
    const filled = note === null ? "" : escapeText(note);
    return `<p>When this file is opened, its script makes all that is shown again from the record that the file holds, and puts it in the place of what was there; badges beside the headings say where the two differed. What is marked as not compared, addresses of links, places of boxes in the graph and the version of Lily are taken from the file as they are. A page cannot vouch for itself: whoever can change its script can make it say anything. The digest of the script is the same in every report of one build of Lily; <code>lily run report</code> prints it. For what matters, check the record with a tool that you have from elsewhere.</p>
<h3>With a checkpoint and a key</h3>
<p>A checkpoint is a signed statement about the log of the workspace; the page holds the proof that leads from this run to it. Ask whoever runs the workspace for the public key over a way that you trust, not from this page. <code>lily log checkpoint</code> prints both.</p>
<form id="anchor" hidden>
<label for="note">Checkpoint (a signed note${note === null ? "" : "; filled with the newest when the page was made"})</label>
<textarea id="note" rows="6" spellcheck="false" autocomplete="off">${filled === "" ? "" : `\n${filled}`}</textarea>
<label for="key">Verifier key (name+id+base64), from somewhere else than this page</label>
<input id="key" type="text" spellcheck="false" autocomplete="off">
<label for="files">Or choose files that hold them; dropping them here works too</label>
<input id="files" type="file" multiple>
<button type="submit">Check the anchor</button>
</form>
<h3>With other tools</h3>
<p>Save the record that this page holds, or take <code>runs/${escapeText(run.id)}/record.jsonl</code> of the workspace; both are the same bytes when nothing was changed.</p>
<button id="save" class="second" type="button" hidden>Save record.jsonl</button>
<p>On the machine of the workspace:</p>
<pre tabindex="0">lily record verify ${escapeText(run.id)} --key KEY --checkpoint NOTE</pre>
<p>Without Lily, the hash of the second event of the saved file, again:</p>
<pre tabindex="0">sed -n 2p record.jsonl | head -c -1 | head -c -82 &gt; body; printf '}' &gt;&gt; body
(printf 'lily/event/v1\\n'; cat body) | sha256sum</pre>
<p>The format pages of Lily say the rest: a checker in any language needs SHA-256 and a look at bytes.</p>`;
  }

  return { rollbackSection, verifySection };
}
