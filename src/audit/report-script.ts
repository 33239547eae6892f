/** The script of a report: the text of the very functions that made the page, joined. Whoever opens the page can read it. */
import { assert } from "../base/assert.ts";
import { reportAnchor } from "./report-anchor.ts";
import { reportChecker } from "./report-checker.ts";
import { reportCompare } from "./report-compare.ts";
import { reportExtras } from "./report-extras.ts";
import { reportFold } from "./report-fold.ts";
import { reportGraph } from "./report-graph.ts";
import { reportGuidance } from "./report-guidance.ts";
import { reportLists } from "./report-lists.ts";
import { reportMarkup } from "./report-markup.ts";
import { reportPage } from "./report-page.ts";
import { reportSections } from "./report-sections.ts";
import { reportStory } from "./report-story.ts";
import { reportStyles } from "./report-styles.ts";
import { reportTexts } from "./report-texts.ts";
import { reportTimeline } from "./report-timeline.ts";
import { reportView } from "./report-view.ts";
import { reportWhole } from "./report-whole.ts";

/** Each function is given what it uses, so that its text is whole: nothing of a module but the functions themselves is in the page. */
export function reportScript(): string {
  const script = `"use strict";(() => {
const checker = (${reportChecker.toString()})();
const texts = (${reportTexts.toString()})();
const fold = (${reportFold.toString()})();
const story = (${reportStory.toString()})(texts);
const lists = (${reportLists.toString()})(texts, story);
const markup = (${reportMarkup.toString()})();
const timeline = (${reportTimeline.toString()})(markup, texts);
const graph = (${reportGraph.toString()})(markup);
const sections = (${reportSections.toString()})(markup, texts, timeline, graph);
const guidance = (${reportGuidance.toString()})(markup, texts);
const extras = (${reportExtras.toString()})();
const styles = ${JSON.stringify(reportStyles)};
const whole = (${reportWhole.toString()})({ checker, fold, lists, texts, markup, sections, guidance, extras, styles });
const compare = (${reportCompare.toString()})();
const verifyEd25519 = async (publicKey, message, signature) => {
  const subtle = globalThis.crypto?.subtle;
  if (subtle === undefined) return null;
  let key;
  try {
    key = await subtle.importKey("raw", publicKey, { name: "Ed25519" }, false, ["verify"]);
  } catch (thrown) {
    return thrown?.name === "NotSupportedError" ? null : false;
  }
  return subtle.verify({ name: "Ed25519" }, key, signature, message);
};
const anchor = (${reportAnchor.toString()})({ sha256: checker.sha256, verifyEd25519 });
const page = (${reportPage.toString()})({ checker, whole, compare, anchor, view: (${reportView.toString()})(globalThis) });
void page(globalThis);
})();
`;
  assert(!/<\/script|<!--/i.test(script), "report: the script cannot end its own element");
  return script;
}
