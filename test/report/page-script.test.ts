/** The script of a page in a world of its own, without a browser: its text must be whole, and say what it finds. */
import { createContext, runInContext } from "node:vm";
import { gzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { longRecord, RecordMaker } from "./long-record.ts";
import { signatureVerifier } from "../../src/adapters/crypto/signature-verifier.ts";
import { reportAnchor } from "../../src/audit/report-anchor.ts";
import { reportChecker } from "../../src/audit/report-checker.ts";
import { reportDocument, type ReportSource } from "../../src/audit/report-document.ts";
import { reportFold } from "../../src/audit/report-fold.ts";
import { reportLists } from "../../src/audit/report-lists.ts";
import { type PageTools, type PageWorld, reportPage } from "../../src/audit/report-page.ts";
import { reportStory } from "../../src/audit/report-story.ts";
import { reportTexts } from "../../src/audit/report-texts.ts";
import { reportScript } from "../../src/audit/report-script.ts";

const source: Omit<ReportSource, "record"> = { documents: [], leaves: [], note: null, problems: [], logHref: () => null, kernelVersion: "0.1.0", gzip: null };

interface FakeCell {
  readonly textContent: string;
}

interface FakeEvent {
  preventDefault(): void;
  readonly dataTransfer?: { readonly files: readonly object[] };
}

/** As much of an element as the script asks for. */
class FakeElement {
  textContent = "";
  className = "";
  hidden = false;
  value = "";
  files: null = null;
  children: FakeElement[] = [];
  readonly cells: FakeCell[] = [];
  readonly attributes = new Map<string, string>();
  readonly listeners = new Map<string, (event: FakeEvent) => void>();

  getAttribute(name: string): string | null {
    return this.attributes.get(name) ?? null;
  }
  setAttribute(name: string, value: string): void {
    this.attributes.set(name, value);
  }
  querySelectorAll(): readonly FakeCell[] {
    return this.cells;
  }
  addEventListener(type: string, listener: (event: FakeEvent) => void): void {
    this.listeners.set(type, listener);
  }
  replaceChildren(...nodes: readonly FakeElement[]): void {
    this.children = [...nodes];
  }
  named(name: string): FakeElement {
    const other = new FakeElement();
    other.setAttribute("data-list", name);
    return other;
  }
  replaceText(text: string): void {
    this.textContent = text;
  }
  click(): void {
    this.listeners.get("click")?.({ preventDefault: () => undefined });
  }
}

const decode = (text: string): string =>
  text.replace(/&(amp|lt|gt|quot|#39);/g, (_, name: string) => ({ amp: "&", lt: "<", gt: ">", quot: '"', "#39": "'" })[name] ?? "");

type Way = "text" | "functions";

function pageTools(): PageTools {
  const [checker, texts] = [reportChecker(), reportTexts()];
  const verifyEd25519 = async (key: Uint8Array, message: Uint8Array, signature: Uint8Array): Promise<boolean> =>
    signatureVerifier.verify(key, message, signature);
  return { checker, fold: reportFold(), lists: reportLists(texts, reportStory(texts)), anchor: reportAnchor({ sha256: checker.sha256, verifyEd25519 }) };
}

/** Reads the parts of a page that the script looks at. */
class FakePage {
  readonly verdict = new FakeElement();
  readonly byId = new Map<string, FakeElement>();
  readonly lists: FakeElement[] = [];
  readonly badges: FakeElement[] = [];
  readonly saved: object[] = [];
  /** Globals in place of the usual ones. */
  readonly more: Readonly<Record<string, unknown>>;

  constructor(html: string, record: Uint8Array, more: Readonly<Record<string, unknown>> = {}) {
    this.more = more;
    for (const id of ["anchor", "note", "key", "files", "save"]) this.byId.set(id, new FakeElement());
    this.byId.set("verdict", this.verdict);
    for (const [, id = "", format = "", text = ""] of html.matchAll(/<script type="[^"]*" id="(\w+)"(?: data-format="(\w+)")?>([^<]*)</g)) {
      const element = new FakeElement();
      element.setAttribute("data-format", format);
      element.textContent = id === "record" ? Buffer.from(format === "gzip" ? gzipSync(record) : record).toString("base64") : text;
      this.byId.set(id, element);
    }
    for (const [, names = ""] of html.matchAll(/data-covers="([^"]*)"/g)) {
      const badge = new FakeElement();
      badge.setAttribute("data-covers", names);
      this.badges.push(badge);
    }
    for (const { 0: start, 1: tag = "", 2: name = "", index } of html.matchAll(/<(\w+)[^>]* data-list="(\w+)">/g)) {
      const from = index + start.length;
      this.lists.push(listOf(name, html.slice(from, html.indexOf(tag === "g" ? "</svg>" : `</${tag}>`, from))));
    }
  }

  /**
   * Runs the page: its script as text, in a context that has ECMAScript and the few globals of every browser and nothing of Node; or the
   * functions themselves, which do the same.
   */
  async run(way: Way): Promise<void> {
    const document = {
      getElementById: (id: string) => this.byId.get(id) ?? null,
      querySelectorAll: (selector: string) => (selector === "[data-list]" ? this.lists : this.badges),
      createElement: () => new FakeElement(),
    };
    const URL = { createObjectURL: (blob: object) => String(this.saved.push(blob)) };
    const world = { document, atob, TextEncoder, TextDecoder, Uint8Array, DecompressionStream, URL, Blob, ...this.more };
    if (way === "text") runInContext(reportScript(), createContext(world));
    else await reportPage(pageTools())(world as unknown as PageWorld);
    while (this.verdict.getAttribute("data-result") === null) await new Promise((resolve) => setImmediate(resolve));
  }

  get said(): string {
    return this.verdict.children.map((line) => line.textContent).join("\n");
  }
}

function listOf(name: string, content: string): FakeElement {
  const list = new FakeElement();
  list.setAttribute("data-list", name);
  const rows = content.includes("<tr")
    ? content.split("</tr>")
    : content.includes("<dt")
      ? content.split("</div>")
      : content.includes("<li")
        ? content.split("</li>")
        : content.split(/<\/g>|(?<=<\/span> <\/span>)|<\/p>/);
  for (const row of rows) {
    const element = new FakeElement();
    for (const [, text = ""] of row.matchAll(/<(?:td|th|dt|dd|\w+[^>]* data-c)\b[^>]*>([^<]*)</g)) element.cells.push({ textContent: decode(text) });
    if (element.cells.length > 0) list.children.push(element);
  }
  return list;
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
    expect(page.byId.get("anchor")?.hidden).toBe(false);
    page.byId.get("anchor")?.listeners.get("submit")?.({ preventDefault: () => undefined });
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
    expect(page.verdict.getAttribute("data-result")).toBe("changed");
  });

  test("S5: a page that shows another record's texts differs, and says where", async () => {
    const one = longRecord(3);
    const other = longRecord(3, { reason: "not what happened" });
    const page = await opened(one.record, one.documents, other.record);
    expect(page.verdict.getAttribute("data-result")).toBe("differs");
    expect(page.said).toContain("the page shows");
    expect(page.badges.some((badge) => badge.textContent === "differs from the record")).toBe(true);
  });

  test("S5: a list that is not shown, is shown twice, has another row, or that the record does not give differs", async () => {
    const { record, documents } = longRecord(3);
    const { html } = await reportDocument({ ...source, record, documents });
    const edits: readonly (readonly [says: string, edit: (lists: FakeElement[], gates: FakeElement) => unknown])[] = [
      ["gates: the page shows 0 rows, and the record gives 3", (lists, gates) => lists.splice(lists.indexOf(gates), 1)],
      ["the page shows gates more than once", (lists, gates) => lists.push(gates)],
      ["gates: the page shows 2 rows, and the record gives 3", (_, gates) => gates.children.pop()],
      ["gates, row 1: the page shows more than the record gives", (_, gates) => gates.children[0]?.cells.push({ textContent: "more" })],
      ["gates, row 1: the page shows “”, and the record gives “5 ms”", (_, gates) => gates.children[0]?.cells.pop()],
      ["the page shows a list praise that the record does not give", (lists, gates) => lists.push(gates.named("praise"))],
    ];
    for (const [says, edit] of edits) {
      const page = new FakePage(html, record);
      const gates = page.lists.find((list) => list.getAttribute("data-list") === "gates");
      if (gates === undefined) throw new Error("the page shows gates");
      edit(page.lists, gates);
      await page.run(way);
      expect(page.verdict.getAttribute("data-result")).toBe("differs");
      expect(page.said).toContain(says);
    }
    const many = new FakePage(html, record);
    for (const list of many.lists) list.children = [];
    await many.run(way);
    expect(many.said).toMatch(/and \d+ more$/);
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
    expect(page.verdict.getAttribute("data-result")).toBe("unable");
    expect(page.said).toContain("Not checked");
  });

  test("what is packed is unpacked; where that cannot be, nothing is said to be checked, and damage is a change", async () => {
    const { record, documents } = longRecord(2);
    const packed = await reportDocument({ ...source, record, documents, gzip: async (bytes) => gzipSync(bytes) });
    const page = new FakePage(packed.html, record);
    await page.run(way);
    expect(page.verdict.getAttribute("data-result")).toBe("consistent");
    page.byId.get("save")?.click();
    expect(page.saved).toHaveLength(1);
    const old = new FakePage(packed.html, record, { DecompressionStream: undefined });
    await old.run(way);
    expect(old.said).toContain("it has no DecompressionStream");
    const broken = new FakePage(packed.html, record);
    const element = broken.byId.get("record");
    if (element !== undefined) element.textContent = `${element.textContent.slice(0, 400)}AAAA${element.textContent.slice(404)}`;
    await broken.run(way);
    expect(broken.said).toContain("The record was changed at event");
    const noText = new FakePage(packed.html, record);
    noText.byId.get("record")?.replaceText("~");
    await noText.run(way);
    expect(noText.said).toContain("its base64 text is damaged");
  });

  test("documents and leaves that cannot be read are missing, and nothing else", async () => {
    const { record, documents } = longRecord(2);
    const { html } = await reportDocument({ ...source, record, documents });
    const page = new FakePage(html, record);
    page.byId.get("documents")?.replaceText(Buffer.from("{not json").toString("base64"));
    page.byId.get("leaves")?.replaceText("{not json");
    await page.run(way);
    expect(page.verdict.getAttribute("data-result")).toBe("differs");
    page.byId.get("anchor")?.listeners.get("submit")?.({ preventDefault: () => undefined });
    await new Promise((resolve) => setImmediate(resolve));
    expect(page.verdict.getAttribute("data-result")).toBe("differs");
  });

  test("files are taken by what they hold, and large ones are not", async () => {
    const { record, documents } = longRecord(2);
    const page = await opened(record, documents);
    const file = (text: string, size = text.length) => ({ size, text: async () => text });
    const drop = page.byId.get("anchor")?.listeners.get("drop");
    drop?.({ preventDefault: () => undefined, dataTransfer: { files: [file("a\n\nb\n"), file(" key \n"), file("x".repeat(10), 70_000)] } });
    for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
    expect([page.byId.get("note")?.value, page.byId.get("key")?.value]).toEqual(["a\n\nb\n", "key"]);
    expect(page.said).toContain("The key is not a verifier key");
  });

  test("an empty record is a changed one", async () => {
    const page = await opened(new Uint8Array(0), []);
    expect(page.said).toContain("The record was changed at event 0");
    expect(page.said).toContain("Nothing of it can be believed");
    expect(reportChecker().checkRecord(new Uint8Array(0)).problem?.message).toBe("the record is empty");
  });
});
