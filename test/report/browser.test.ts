/** Reports in a real browser: what they say of good, changed and anchored records, and whether everybody can read them. */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { gzipSync } from "node:zlib";
import type { AxeResults } from "axe-core";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { reportDocument, type ReportSource } from "../../src/audit/report-document.ts";
import type { Kernel } from "../../src/kernel/kernel.ts";
import { kernelVersion } from "../../src/base/version.ts";
import { Bed, flow, sh } from "../runtime/bed.ts";
import { seededRandom } from "../../src/adapters/memory/seeded-random.ts";
import { hostileWorkflow } from "./hostile-workflow.ts";
import { longRecord, RecordMaker } from "./long-record.ts";
import { chromiumPath, packedIn, recordIn, ReportBrowser, verdictOf, withPacked, withRecord } from "./report-browser.ts";

const isMissing = chromiumPath() === null;
const where = isMissing ? "SKIPPED: no Chromium at /usr/bin/chromium; install it, or name one in LILY_CHROMIUM" : "in Chromium";
/** Tells one element from another, in the page. */
const nameOf = '(one) => one.tagName + " " + (one.id || one.getAttribute("href") || "") + " " + one.textContent.slice(0, 40)';
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

describe.skipIf(isMissing)(`a report ${where}`, () => {
  const browser = new ReportBrowser();
  const bed = new Bed();
  let kernel: Kernel;
  let runId = "";
  let html = "";

  beforeAll(async () => {
    kernel = await bed.kernel();
    const { view } = await bed.run(hostileWorkflow);
    runId = view.run_id;
    html = (await kernel.report(runId, { linkFrom: bed.dir })).html;
  });
  afterAll(async () => {
    await browser.close();
    await bed.remove();
  });

  test("S5: a good record is consistent, not anchored, and every list agrees", async () => {
    const { page, complaints, requests, close } = await browser.open(html);
    expect(await verdictOf(page)).toMatchObject({ result: "consistent", headline: "Consistent, not anchored" });
    expect(await page.locator("[data-covers]").allInnerTexts()).toEqual(Array(13).fill("agrees with the record"));
    expect(await page.locator("#verdict").innerText()).not.toMatch(/\bverified\b/i);
    expect({ complaints, requests }).toEqual({ complaints: [], requests: [] });
    await close();
  });

  test("S4: foreign text is shown as text: no markup, no control character, no direction mark", async () => {
    const { page, complaints, close } = await browser.open(html);
    expect(await page.evaluate("[typeof globalThis.pwned, document.images.length]")).toEqual(["undefined", 0]);
    const text = await page.evaluate<string>("[...document.body.children].filter((one) => one.tagName !== 'SCRIPT').map((one) => one.textContent).join('')");
    // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
    expect(text).not.toMatch(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/);
    expect(text).toContain("</script><script>globalThis.pwned = 1</script> \\x1b[31mred \\u202eesrever <img");
    expect(complaints).toEqual([]);
    await close();
  });

  test("S5: each of 40 random single changes of the record is named with its event", async () => {
    const record = recordIn(html);
    const random = seededRandom(20260101);
    const opened = await browser.open(html);
    for (let round = 0; round < 40; round++) {
      const changed = Buffer.from(record);
      const at = Math.floor(random() * changed.length);
      changed[at] = (changed[at] ?? 0) ^ (1 << Math.floor(random() * 8));
      const event = record.subarray(0, at).filter((byte) => byte === 0x0a).length;
      await opened.show(withRecord(html, changed));
      const { result, headline, text } = await verdictOf(opened.page);
      expect({ at, result, event: /at event (\d+)\b/.exec(headline)?.[1] }).toEqual({ at, result: "changed", event: String(event) });
      expect(text).toContain(`Event ${event}`);
      expect(opened.complaints).toEqual([]);
    }
    await opened.close();
  }, 120_000);

  test("S5: no single change of the packed bytes passes as consistent", async () => {
    const packed = Buffer.from(packedIn(html), "base64");
    const random = seededRandom(7);
    const { page, show, close } = await browser.open(html);
    for (let round = 0; round < 15; round++) {
      const changed = Buffer.from(packed);
      // Behind the header, whose time and system fields mean nothing.
      const at = 10 + Math.floor(random() * (changed.length - 10));
      changed[at] = (changed[at] ?? 0) ^ (1 << Math.floor(random() * 8));
      await show(withPacked(html, changed.toString("base64")));
      expect({ at, result: (await verdictOf(page)).result }).toEqual({ at, result: "changed" });
    }
    await show(withPacked(html, "A"));
    expect(await verdictOf(page)).toMatchObject({ result: "changed", headline: "The record was changed at event 0" });
    await close();
  }, 120_000);

  test("S5: lines left out at the end are seen by the texts of the page, and in the middle by the chain", async () => {
    const lines = recordIn(html).toString().trimEnd().split("\n");
    const without = (at: number): string =>
      withRecord(
        html,
        Buffer.from(
          lines
            .toSpliced(at, 1)
            .map((line) => `${line}\n`)
            .join(""),
        ),
      );
    const cut = await browser.open(without(lines.length - 1));
    expect(await verdictOf(cut.page)).toMatchObject({ result: "differs" });
    await cut.close();
    const gap = await browser.open(without(5));
    expect((await verdictOf(gap.page)).headline).toContain("at event 5");
    await gap.close();
  });

  test("a document that the record does not name is not believed", async () => {
    const long = longRecord(3);
    const source = { ...emptySource, record: long.record };
    const { html: good } = await reportDocument({ ...source, documents: long.documents });
    const other = JSON.stringify(long.documents.map((text) => text.replace("A long run", "Another run")));
    const swapped = good.replace(/(id="documents" data-format="gzip">)[^<]*/, `$1${gzipSync(other).toString("base64")}`);
    const { page, close } = await browser.open(swapped);
    expect((await verdictOf(page)).result).toBe("differs");
    await close();
  });

  describe("with a checkpoint and a key", () => {
    const fill = async (page: Page, note: string, key: string): Promise<void> => {
      await page.fill("#note", note);
      await page.fill("#key", key);
      await page.click("#anchor button");
    };

    test("S5: the right ones anchor the record, and the answer names them; the page brings no key of its own", async () => {
      const checkpoint = await kernel.records.checkpoint();
      if (checkpoint === null) throw new Error("there is a sealed run");
      expect(html).not.toContain(checkpoint.verifier_key);
      const { page, complaints, close } = await browser.open(html);
      expect(await page.inputValue("#key")).toBe("");
      expect(await page.inputValue("#note")).toBe(checkpoint.note);
      await fill(page, checkpoint.note, checkpoint.verifier_key);
      await page.waitForSelector("#verdict[data-result=anchored]");
      const { headline, text } = await verdictOf(page);
      expect(headline).toBe("Anchored (given key)");
      expect(text).toContain(`given key ${checkpoint.key_name}, checkpoint of ${checkpoint.size}`);
      expect(complaints).toEqual([]);
      await close();
    });

    test("S5: another key, a changed note and a changed key do not", async () => {
      const checkpoint = await kernel.records.checkpoint();
      if (checkpoint === null) throw new Error("there is a sealed run");
      const other = new Bed();
      const { view } = await other.run(flow({ a: sh("true") }));
      const foreign = await (await other.kernel()).records.checkpoint();
      await other.remove();
      if (foreign === null) throw new Error(`run ${view.run_id} is sealed`);
      const { page, close } = await browser.open(html);
      const tries: readonly (readonly [note: string, key: string, says: string])[] = [
        [checkpoint.note, foreign.verifier_key, "has not signed this checkpoint"],
        [foreign.note, foreign.verifier_key, "this run is of the workspace"],
        [checkpoint.note.replace(/\n(\d+)\n/, "\n99\n"), checkpoint.verifier_key, "does not verify"],
        [checkpoint.note, checkpoint.verifier_key.replace(/.$/, (unit) => (unit === "A" ? "B" : "A")), "not a verifier key"],
        ["", checkpoint.verifier_key, "not a signed note"],
        [checkpoint.note, "", "not a verifier key"],
      ];
      for (const [note, key, says] of tries) {
        await fill(page, note, key);
        await expect.poll(async () => (await verdictOf(page)).text).toContain(says);
        expect(await verdictOf(page)).toMatchObject({ result: "consistent", headline: "Consistent, not anchored" });
      }
      await close();
    });

    test("S5: a record that was written anew from its beginning is consistent, and is not the one that was sealed", async () => {
      const checkpoint = await kernel.records.checkpoint();
      if (checkpoint === null) throw new Error("there is a sealed run");
      const maker = new RecordMaker(runId);
      for (const line of recordIn(html).toString().trimEnd().split("\n")) {
        const { kind, data, key } = JSON.parse(line);
        maker.add(kind, kind === "GATE_FAILED" ? { ...data, reason: "all is well" } : data, key);
      }
      const leaves = JSON.parse(/id="leaves">(.*?)<\/script>/.exec(html)?.[1] ?? "[]") as ReportSource["leaves"];
      const { html: forged } = await reportDocument({ ...emptySource, record: maker.bytes(), leaves });
      const { page, close } = await browser.open(forged);
      expect((await verdictOf(page)).result).toBe("consistent");
      await fill(page, checkpoint.note, checkpoint.verifier_key);
      await page.waitForSelector("#verdict[data-result=changed]");
      expect((await verdictOf(page)).headline).toBe("This is not the record that was sealed");
      await close();
    });

    test("files may be chosen in place of pasting", async () => {
      const checkpoint = await kernel.records.checkpoint();
      if (checkpoint === null) throw new Error("there is a sealed run");
      const { page, close } = await browser.open(html);
      const file = (name: string, text: string) => ({ name, mimeType: "text/plain", buffer: Buffer.from(text) });
      await page.setInputFiles("#files", [file("note", checkpoint.note), file("key", `${checkpoint.verifier_key}\n`)]);
      await page.waitForSelector("#verdict[data-result=anchored]");
      await close();
    });
  });

  test("the record can be saved, byte for byte", async () => {
    const { page, complaints, close } = await browser.open(html);
    const [download] = await Promise.all([page.waitForEvent("download"), page.click("#save")]);
    expect(download.suggestedFilename()).toBe("record.jsonl");
    expect(readFileSync((await download.path()) ?? "").equals(readFileSync(bed.recordFile(runId)))).toBe(true);
    expect(complaints).toEqual([]);
    await close();
  });

  test("without JavaScript the page says that nothing was checked", async () => {
    const { page, close } = await browser.open(html, { javaScriptEnabled: false });
    expect(await verdictOf(page)).toMatchObject({ result: null, headline: "Not checked" });
    expect(await page.locator("#anchor").isVisible()).toBe(false);
    await close();
  });

  test("the links lead to the logs of the run", async () => {
    const { page, close } = await browser.open(html);
    const hrefs = await page.locator("#logs a").evaluateAll((links) => links.map((link) => link.getAttribute("href") ?? ""));
    expect(hrefs.length).toBeGreaterThan(0);
    for (const href of hrefs) expect(readFileSync(new URL(href, `file://${bed.dir}/`)).length).toBeGreaterThan(0);
    await close();
  });

  test.each([
    ["light", {}],
    ["dark", { colorScheme: "dark" }],
    ["on a phone", { viewport: { width: 360, height: 740 } }],
    ["on a dark phone", { viewport: { width: 360, height: 740 }, colorScheme: "dark" }],
  ] as const)("axe-core finds nothing serious %s, with everything open, and the page does not scroll sideways", async (_, options) => {
    const { page, close } = await browser.open(html, options);
    await page.locator("details").evaluateAll((all) => all.forEach((one) => one.setAttribute("open", "")));
    // Through the debugger, because the policy of the page lets no other script in.
    await page.evaluate(axe);
    const { violations } = await page.evaluate<AxeResults>("axe.run()");
    expect(violations.map(({ id, impact, nodes }) => `${impact} ${id} ${nodes[0]?.html}`)).toEqual([]);
    expect(await page.evaluate("document.documentElement.scrollWidth - window.innerWidth")).toBeLessThanOrEqual(0);
    await close();
  });

  test("the keyboard reaches everything that can be used, in the order of the page, from a skip link on", async () => {
    const { page, close } = await browser.open(html);
    const all = "a[href], summary, textarea, input, button, [tabindex='0']";
    const wanted = await page.evaluate<readonly string[]>(`[...document.querySelectorAll("${all}")].filter((one) => one.checkVisibility()).map(${nameOf})`);
    const reached: string[] = [];
    for (let at = 0; at < wanted.length; at++) {
      await page.keyboard.press("Tab");
      reached.push(await page.evaluate<string>(`(${nameOf})(document.activeElement)`));
    }
    expect(reached).toEqual(wanted);
    expect(reached[0]).toContain("Skip to the report");
    await close();
  });

  test("a part that is closed opens by the keyboard, and a form answers to it", async () => {
    const { page, close } = await browser.open(html);
    await page.locator("summary").first().focus();
    await page.keyboard.press("Enter");
    expect(await page.locator("details").first().getAttribute("open")).not.toBeNull();
    await page.locator("#key").focus();
    await page.keyboard.press("Enter");
    await expect.poll(async () => (await verdictOf(page)).text).toContain("not a verifier key");
    await close();
  });

  test("a run of 1,000 steps is checked, compared and small", async () => {
    const { record, documents, events } = longRecord(1_000);
    const { html: long } = await reportDocument({ ...emptySource, record, documents });
    expect(long.length).toBeLessThan(2_000_000);
    const { page, complaints, close } = await browser.open(long);
    expect((await verdictOf(page)).text).toContain(`${events} events`);
    expect((await verdictOf(page)).result).toBe("consistent");
    expect(await page.locator('[data-list="steps"] tr').count()).toBe(1_000);
    expect(await page.locator("#graph table").count()).toBe(1);
    expect(await page.locator("#graph .badge, #timeline .badge").allInnerTexts()).toEqual(Array(2).fill("agrees with the record"));
    expect(complaints).toEqual([]);
    await close();
  });
});

const emptySource: Omit<ReportSource, "record"> = {
  documents: [],
  leaves: [],
  note: null,
  problems: [],
  logHref: () => null,
  kernelVersion,
  gzip: async (bytes) => gzipSync(bytes),
};
