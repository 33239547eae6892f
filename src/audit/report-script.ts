/** The script of a report: the text of the very functions that made the page, joined. Whoever opens the page can read it. */
import { assert } from "../base/assert.ts";
import { reportAnchor } from "./report-anchor.ts";
import { reportChecker } from "./report-checker.ts";
import { reportFold } from "./report-fold.ts";
import { reportLists } from "./report-lists.ts";
import { reportPage } from "./report-page.ts";
import { reportStory } from "./report-story.ts";
import { reportTexts } from "./report-texts.ts";

/** Each function is given what it uses, so that its text is whole: nothing of a module but the functions themselves is in the page. */
export function reportScript(): string {
  const script = `"use strict";(() => {
const checker = (${reportChecker.toString()})();
const texts = (${reportTexts.toString()})();
const fold = (${reportFold.toString()})();
const story = (${reportStory.toString()})(texts);
const lists = (${reportLists.toString()})(texts, story);
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
const page = (${reportPage.toString()})({ checker, fold, lists, anchor });
void page(globalThis);
})();
`;
  assert(!/<\/script|<!--/i.test(script), "report: the script cannot end its own element");
  return script;
}
