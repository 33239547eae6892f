/** The script of a page in a world of its own, without a browser: its text must be whole, and say what it finds. */
import { createContext, runInContext } from "node:vm";
import { gzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { longRecord, RecordMaker } from "./long-record.ts";
import { signatureVerifier } from "../../src/adapters/crypto/signature-verifier.ts";
import { reportAnchor } from "../../src/audit/report-anchor.ts";
import { reportChecker } from "../../src/audit/report-checker.ts";
import { reportDocument, type ReportSource, wholeReport } from "../../src/audit/report-document.ts";
import { reportCompare } from "../../src/audit/report-compare.ts";
import { type PageTools, type PageWorld, reportPage } from "../../src/audit/report-page.ts";
import { reportScript } from "../../src/audit/report-script.ts";
import { reportView, type ViewWorld } from "../../src/audit/report-view.ts";
import { FakeDocument, type FakeNode, FakeParser } from "./fake-document.ts";

const source: Omit<ReportSource, "record"> = { documents: [], leaves: [], note: null, problems: [], logHref: () => null, kernelVersion: "0.1.0", gzip: null };

type Way = "text" | "functions";

function pageTools(world: ViewWorld): PageTools {
  const checker = reportChecker();
  const verifyEd25519 = async (key: Uint8Array, message: Uint8Array, signature: Uint8Array): Promise<boolean> =>
    signatureVerifier.verify(key, message, signature);
  return { checker, whole: wholeReport(), compare: reportCompare(), anchor: reportAnchor({ sha256: checker.sha256, verifyEd25519 }), view: reportView(world) };
}

/** A page as a browser opens it, its record replaced. */
class FakePage {
  readonly document: FakeDocument;
  readonly saved: object[] = [];
  /** Globals in place of the usual ones. */
  readonly more: Readonly<Record<string, unknown>>;

  constructor(html: string, record: Uint8Array, more: Readonly<Record<string, unknown>> = {}) {
    this.more = more;
    this.document = new FakeDocument(html);
    const element = this.byId("record");
    element.textContent = Buffer.from(element.getAttribute("data-format") === "gzip" ? gzipSync(record) : record).toString("base64");
  }

  byId(id: string): FakeNode {
    const found = this.document.getElementById(id);
    if (found === null) throw new Error(`the page has ${id}`);
    return found;
  }

  /**
   * Runs the page: its script as text, in a context that has ECMAScript and the few globals of every browser and nothing of Node; or the
   * functions themselves, which do the same.
   */
  async run(way: Way): Promise<void> {
    const { document } = this;
    const URL = { createObjectURL: (blob: object) => String(this.saved.push(blob)) };
    const dom = { document, Document: FakeDocument, DOMParser: FakeParser };
    const world = { ...dom, atob, TextEncoder, TextDecoder, Uint8Array, DecompressionStream, URL, Blob, ...this.more };
    if (way === "text") runInContext(reportScript(), createContext(world));
    else await reportPage(pageTools(world as unknown as ViewWorld))(world as unknown as PageWorld);
    while (this.result === null) await new Promise((resolve) => setImmediate(resolve));
  }

  get result(): string | null {
    return this.byId("verdict").getAttribute("data-result");
  }

  get said(): string {
    return this.byId("verdict")
      .childNodes.map((line) => line.textContent)
      .join("\n");
  }
}

describe.each(["text", "functions"] as const)("the script of a report as %s", (way) => {
  async function opened(record: Uint8Array, documents: readonly string[], shown: Uint8Array = record): Promise<FakePage> {
    const { html } = await reportDocument({ ...source, record: shown, documents });
    const page = new FakePage(html, record);
    await page.run(way);
    return page;
  }

  test("S5: needs nothing but itself, checks the record and compares what is shown", async () => {
    const { record, documents, events } = longRecord(300);
    const page = await opened(record, documents);
    expect(page.said).toContain("Consistent, not anchored");
    expect(page.said).toContain(`${events} events`);
    expect(page.byId("anchor").hidden).toBe(false);
    page.byId("anchor").listeners.get("submit")?.({ preventDefault: () => undefined });
    await new Promise((resolve) => setImmediate(resolve));
    expect(page.said).toContain("The key is not a verifier key");
  });

  test("S5: a changed record is named before anything that differs", async () => {
    const { record, documents } = longRecord(3);
    const changed = record.slice();
    const at = record.indexOf(0x0a) + 20;
    changed[at] = (changed[at] ?? 0) ^ 1;
    const page = await opened(changed, documents, record);
    expect(page.said).toContain("The record was changed at event 1 (ARTIFACT_STORED)");
    expect(page.result).toBe("changed");
  });

  test("S5: a page that shows another record's texts differs, and says where", async () => {
    const one = longRecord(3);
    const other = longRecord(3, { reason: "not what happened" });
    const page = await opened(one.record, one.documents, other.record);
    expect(page.result).toBe("differs");
    expect(page.said).toContain("the page shows");
    expect(page.document.querySelectorAll("[data-covers]").some((badge) => badge.textContent.startsWith("the file showed something else"))).toBe(true);
  });

  test("S5: whatever else the file shows is named, and is not there any more", async () => {
    const { record, documents } = longRecord(3);
    const { html } = await reportDocument({ ...source, record, documents });
    const edits: readonly (readonly [says: string, edit: (text: string) => string])[] = [
      ["gates: the page shows “</tbody>”, and the record gives “<tr", (text) => text.replace(/(data-list="gates">).*?<\/tbody>/s, "$1</tbody>")],
      ["the page does not show the part gates", (text) => text.replace(/<section id="gates".*?<\/section>/s, "")],
      ["the page shows a part praise that the record does not give", (text) => text.replace("</main>", '<section id="praise"></section></main>')],
      ["the page shows a part a section without a name", (text) => text.replace("</main>", "<section></section></main>")],
      ["frame: the page shows “<p>”, and the record gives “", (text) => text.replace('<section id="gates"', '<p>well</p><section id="gates"')],
      ["header: the page shows “Praise”, and the record gives “A long run”", (text) => text.replace(/<h1>[^<]*/, "<h1>Praise")],
      ['gates: the page shows “<tr hidden="" role="row">”', (text) => text.replace(/(data-list="gates"><tr)/, "$1 hidden")],
      ["and the record gives nothing", (text) => text.replace("</footer>", "</footer><footer>more</footer>")],
    ];
    for (const [says, edit] of edits) {
      const page = new FakePage(edit(html), record);
      await page.run(way);
      expect(page.result).toBe("differs");
      expect(page.said).toContain(says);
      const sections = page.document.querySelectorAll("section").map((node) => node.getAttribute("id"));
      expect(sections).toEqual(new FakePage(html, record).document.querySelectorAll("section").map((node) => node.getAttribute("id")));
    }
    const many = new FakePage(html.replaceAll("<h2", "<h3").replaceAll("</h2>", "</h3>"), record);
    await many.run(way);
    expect(many.said).toMatch(/and \d+ more$/);
  });

  test("S5: a page that cannot be compared differs", async () => {
    const { record, documents } = longRecord(3);
    const { html } = await reportDocument({ ...source, record, documents });
    const page = new FakePage(html, record);
    Object.defineProperty(page.byId("gates"), "nodeName", { value: 7 });
    await page.run(way);
    expect(page.result).toBe("differs");
    expect(page.said).toContain("cannot be compared");
  });

  test("S5: a seal that counts other events is named, though every hash is right", async () => {
    const maker = new RecordMaker("r");
    maker.add("RUN_CREATED", { workspace_id: "ws", format: 1, kernel_version: "0.1.0", kind: "workflow" });
    maker.add("RUN_SEALED", { outcome: "failed", events: 1, counts: { gates: 4 } });
    const page = await opened(maker.bytes(), []);
    expect(page.said).toContain("The record was changed at event 1 (RUN_SEALED)");
  });

  test("a fault of the check is told, and is no answer", async () => {
    const maker = new RecordMaker("r");
    maker.add("RUN_CREATED", { workspace_id: "ws", format: 1, kernel_version: "0.1.0", kind: "workflow" });
    const good = maker.bytes();
    maker.add("GATE_PASSED", { gate_id: "g", log_artifact_ids: 7, metrics: 3 });
    const page = await opened(maker.bytes(), [], good);
    expect(page.result).toBe("unable");
    expect(page.said).toContain("Not checked");
  });

  test("what is packed is unpacked; where that cannot be, nothing is said to be checked, and damage is a change", async () => {
    const { record, documents } = longRecord(2);
    const packed = await reportDocument({ ...source, record, documents, gzip: async (bytes) => gzipSync(bytes) });
    const page = new FakePage(packed.html, record);
    await page.run(way);
    expect(page.result).toBe("consistent");
    page.byId("save").click();
    expect(page.saved).toHaveLength(1);
    const old = new FakePage(packed.html, record, { DecompressionStream: undefined });
    await old.run(way);
    expect(old.said).toContain("it has no DecompressionStream");
    const broken = new FakePage(packed.html, record);
    const element = broken.byId("record");
    element.textContent = `${element.textContent.slice(0, 400)}AAAA${element.textContent.slice(404)}`;
    await broken.run(way);
    expect(broken.said).toContain("The record was changed at event");
    const noText = new FakePage(packed.html, record);
    noText.byId("record").textContent = "~";
    await noText.run(way);
    expect(noText.said).toContain("its base64 text is damaged");
  });

  test("S5: a fault of the check leaves nothing of the file in sight", async () => {
    const { record, documents } = longRecord(2);
    const { html } = await reportDocument({ ...source, record, documents });
    const page = new FakePage(html.replace("<main", '<p class="headline">Anchored (given key)</p><main'), record);
    const world = { document: page.document, Document: FakeDocument, DOMParser: FakeParser, atob } as unknown as ViewWorld & PageWorld;
    const tell = (): never => {
      throw new Error("no memory");
    };
    await reportPage({ ...pageTools(world), whole: { ...wholeReport(), tell } })(world);
    expect(page.result).toBe("unable");
    expect(page.said).toContain("no memory");
    expect(page.document.root.textContent).not.toContain("Anchored (given key)");
  });

  test("documents and leaves that cannot be read are missing, and nothing else", async () => {
    const { record, documents } = longRecord(2);
    const { html } = await reportDocument({ ...source, record, documents });
    const page = new FakePage(html, record);
    page.byId("documents").textContent = Buffer.from("{not json").toString("base64");
    page.byId("leaves").textContent = "{not json";
    await page.run(way);
    expect(page.result).toBe("differs");
    page.byId("anchor").listeners.get("submit")?.({ preventDefault: () => undefined });
    await new Promise((resolve) => setImmediate(resolve));
    expect(page.result).toBe("differs");
  });

  test("files are taken by what they hold, and large ones are not", async () => {
    const { record, documents } = longRecord(2);
    const page = await opened(record, documents);
    const file = (text: string, size = text.length) => ({ size, text: async () => text });
    const drop = page.byId("anchor").listeners.get("drop");
    drop?.({ preventDefault: () => undefined, dataTransfer: { files: [file("a\n\nb\n"), file(" key \n"), file("x".repeat(10), 70_000)] } });
    for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
    expect([page.byId("note").value, page.byId("key").value]).toEqual(["a\n\nb\n", "key"]);
    expect(page.said).toContain("The key is not a verifier key");
  });

  test("an empty record is a changed one", async () => {
    const page = await opened(new Uint8Array(0), []);
    expect(page.said).toContain("The record was changed at event 0");
    expect(page.said).toContain("Nothing of it can be believed");
    expect(reportChecker().checkRecord(new Uint8Array(0)).problem?.message).toBe("the record is empty");
  });
});
