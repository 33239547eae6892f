/** Files of reports that somebody edited, opened in a real browser: each edit outside of the script is found, and is not in sight any more. */
import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Kernel } from "../../src/kernel/kernel.ts";
import { Bed } from "../runtime/bed.ts";
import { hostileWorkflow } from "./hostile-workflow.ts";
import { chromiumPath, ReportBrowser, verdictOf } from "./report-browser.ts";

const isMissing = chromiumPath() === null;
const where = isMissing ? "SKIPPED: no Chromium at /usr/bin/chromium; install it, or name one in LILY_CHROMIUM" : "in Chromium";

/** The text of what is shown but the answer of the check, and what of it is in sight. */
const shownText = `(() => {
  const all = [...document.body.querySelectorAll("header, header h1, .state-now, section, tr, td, th, p, text")].filter((one) => one.closest("#verdict, .cover") === null);
  return [document.title, document.documentElement.hidden, ...all.map((one) => [one.tagName, one.className.baseVal ?? one.className, one.checkVisibility(), one.closest("header") ? "" : one.textContent])].join("\\n").replaceAll(/agrees with the record|the file showed something else; this is what the record says/g, "");
})()`;

/** Lets styles into the page, as an edit of its head can. */
function withStyles(html: string): string {
  return html.replace(/style-src '[^']*'/, "style-src 'unsafe-inline'");
}

describe.skipIf(isMissing)(`an edited report ${where}`, () => {
  const browser = new ReportBrowser();
  const bed = new Bed();
  let kernel: Kernel;
  let html = "";
  let good = "";

  const shownBy = (page: Page): Promise<string> => page.evaluate<string>(shownText);

  beforeAll(async () => {
    kernel = await bed.kernel();
    const { view } = await bed.run(hostileWorkflow);
    html = (await kernel.report(view.run_id, { linkFrom: bed.dir })).html;
    const { page, close } = await browser.open(html);
    good = await shownBy(page);
    await close();
  });
  afterAll(async () => {
    await browser.close();
    await bed.remove();
  });

  test.each([
    ["a cell of a table", (text: string) => text.replace(">failed</td>", ">passed</td>")],
    ["a row that was taken out", (text: string) => text.replace(/(<tbody[^>]* data-list="gates">)<tr.*?<\/tr>/s, "$1")],
    ["a sentence of the story", (text: string) => text.replace("The run succeeded", "The run was a triumph")],
    ["a status in the graph", (text: string) => text.replace(/class="state" ([^>]*)>succeeded</, 'class="state" $1>failed<')],
    ["a list shown twice", (text: string) => text.replace("</main>", '<ul data-list="gates"></ul></main>')],
    ["a list of another name", (text: string) => text.replace("</main>", '<ul data-list="praise"></ul></main>')],
    ["the state under the title", (text: string) => text.replace(/(<p class="state-now"><span class=")[^"]*">[^<]*/, '$1st bad">failed')],
    ["the title of the page", (text: string) => text.replace(/<h1>[^<]*/, "<h1>Another run")],
    ["the title of the window", (text: string) => text.replace(/<title>[^<]*/, "<title>Another run: succeeded")],
    ["a hidden row", (text: string) => text.replace(/(<tbody[^>]* data-list="gates"><tr role="row")/, "$1 hidden")],
    ["a hidden cell", (text: string) => text.replace('<td role="cell" class="st bad"', '<td hidden role="cell" class="st bad"')],
    [
      "a cell out of sight",
      (text: string) => withStyles(text).replace('<td role="cell" class="st bad"', '<td style="display:none" role="cell" class="st bad"'),
    ],
    ["a style sheet", (text: string) => withStyles(text).replace("</head>", "<style>#gates{display:none}</style></head>")],
    ["a class that hides", (text: string) => text.replace('<section id="gates"', '<section class="skip" id="gates"')],
    ["a class alone", (text: string) => text.replace('class="st bad"', 'class="st good"')],
    ["text directly in a row", (text: string) => text.replace(/(<tbody[^>]* data-list="gates"><tr role="row">)/, "$1All gates passed.")],
    ["a caption", (text: string) => text.replace(/<caption>[^<]*/, "<caption>All gates passed")],
    ["a heading", (text: string) => text.replace(/<h2 id="gates-title">[^<]*/, '<h2 id="gates-title">Gates: all passed')],
    ["a new section", (text: string) => text.replace("</main>", '<section id="praise"><h2>All is well</h2></section></main>')],
    ["a new paragraph", (text: string) => text.replace('<section id="gates"', '<p>All is well.</p><section id="gates"')],
    ["a label of the timeline", (text: string) => text.replace(/(<g class="labels"><text[^>]*>)[^<]*/, "$1other")],
    ["a class in the timeline", (text: string) => text.replace('<g class="gate bad">', '<g class="gate good">')],
    ["the arrows of the graph", (text: string) => text.replace('<g class="edges">', '<g class="edges" display="none">')],
    ["a log tail", (text: string) => text.replace("845 days</pre>", "0 days</pre>")],
    ["another root", (text: string) => text.replace('<html lang="en">', '<html lang="en" hidden>')],
    ["text behind the script", (text: string) => text.replace(/<\/body><\/html>\n$/, "<p>All is well.</p></body></html>")],
    [
      "a shadow over the page",
      (text: string) => text.replace('<section id="gates"', '<div><template shadowrootmode="closed"><p>All is well.</p></template></div><section id="gates"'),
    ],
    ["names that stand in for those of the document", (text: string) => text.replace("<main", '<form name="getElementById"></form><img name="body"><main')],
  ])("an edited page is found: %s", async (_, edit) => {
    const edited = edit(html);
    expect(edited).not.toBe(html);
    const { page, close } = await browser.open(edited);
    expect(await verdictOf(page)).toMatchObject({ result: "differs", headline: "This file does not show what its record says" });
    expect(await page.locator(".badge.bad").count()).toBeLessThanOrEqual(2);
    // What is shown now is what the unchanged file shows.
    expect(await shownBy(page)).toBe(good);
    await close();
  });

  test("S5: an edited page is found: a box in the place of the verdict", async () => {
    const decoy =
      '<div hidden><div id="verdict" class="verdict"></div></div><div class="verdict anchored"><p class="headline">Anchored (given key)</p><p>All is well.</p></div>';
    const edited = html.replace('<div class="page">', `<div class="page">${decoy}`).replace(/<div id="verdict" class="verdict unchecked".*?<\/div>/s, "");
    const { page, close } = await browser.open(edited);
    expect(await verdictOf(page)).toMatchObject({ result: "differs" });
    expect(await page.locator("#verdict").isVisible()).toBe(true);
    expect(await page.locator("#verdict").count()).toBe(1);
    expect(await page.locator("body").innerText()).not.toContain("Anchored (given key)");
    await close();
  });

  test("S5: what an edit puts into the data beside the record stays data, and is told as a difference or as not compared", async () => {
    const extras = (text: string): string => html.replace(/(id="extras">)[^<]*/, `$1${text}`);
    for (const text of [
      "{",
      "[]",
      "null",
      '{"layout":{"width":1,"height":1,"nodes":[["x",1]],"edges":[]},"guidance":{"scaffold":7},"links":{"a":"javascript:1"}}',
    ]) {
      const { page, complaints, close } = await browser.open(extras(text));
      expect(await verdictOf(page)).toMatchObject({ result: "differs" });
      expect(await page.locator('a[href^="javascript"]').count()).toBe(0);
      expect(complaints).toEqual([]);
      await close();
    }
  });

  test("S5: an edited page is not anchored by a checkpoint and a key", async () => {
    const checkpoint = await kernel.records.checkpoint();
    if (checkpoint === null) throw new Error("there is a sealed run");
    const { page, close } = await browser.open(html.replace(/<h1>[^<]*/, "<h1>Another run"));
    await page.fill("#note", checkpoint.note);
    await page.fill("#key", checkpoint.verifier_key);
    await page.locator("#verdict .headline").evaluate((headline) => headline.setAttribute("id", "before"));
    await page.click("#anchor button");
    await page.waitForSelector("#before", { state: "detached" });
    expect(await verdictOf(page)).toMatchObject({ result: "differs" });
    await close();
  });
});
