/** A headless Chromium for reports: what a page said, asked for and complained about. */
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { pathToFileURL } from "node:url";
import { gunzipSync, gzipSync } from "node:zlib";
import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core";

const flags = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** Where Chromium is: `LILY_CHROMIUM`, else Debian's package; null where there is none. */
export function chromiumPath(): string | null {
  const path = process.env["LILY_CHROMIUM"] ?? "/usr/bin/chromium";
  return existsSync(path) ? path : null;
}

export interface Opened {
  readonly page: Page;
  /** Console messages and errors of the page. */
  readonly complaints: readonly string[];
  /** Addresses other than the file itself. */
  readonly requests: readonly string[];
  /** Shows another page in its place. */
  show(html: string): Promise<void>;
  /** Closes the page. */
  close(): Promise<void>;
}

/** Playwright gives each launch a user folder of its own. */
export class ReportBrowser {
  readonly #dir = mkdtempSync(join(tmpdir(), "lily-report-"));
  #browser: Browser | null = null;
  #files = 0;

  async #launched(): Promise<Browser> {
    this.#browser ??= await chromium.launch({ executablePath: chromiumPath() ?? "", args: flags });
    return this.#browser;
  }

  async open(html: string, options: BrowserContextOptions = {}): Promise<Opened> {
    const context = await (await this.#launched()).newContext(options);
    const page = await context.newPage();
    const [complaints, requests]: [string[], string[]] = [[], []];
    let address = "";
    page.on("console", (message) => complaints.push(`${message.type()}: ${message.text()}`));
    page.on("pageerror", (error) => complaints.push(`error: ${error.message}`));
    page.on("request", (request) => void (request.url() === address || requests.push(request.url())));
    const show = async (shown: string): Promise<void> => {
      const file = join(this.#dir, `${this.#files++}.html`);
      writeFileSync(file, shown);
      address = pathToFileURL(file).href;
      await page.goto(address);
      if (options.javaScriptEnabled !== false) await page.waitForSelector("#verdict[data-result]");
    };
    await show(html);
    return { page, complaints, requests, show, close: () => context.close() };
  }

  async close(): Promise<void> {
    await this.#browser?.close();
    rmSync(this.#dir, { recursive: true, force: true });
  }
}

export interface Verdict {
  readonly result: string | null;
  readonly headline: string;
  readonly text: string;
}

export async function verdictOf(page: Page): Promise<Verdict> {
  const box = page.locator("#verdict");
  return { result: await box.getAttribute("data-result"), headline: await box.locator(".headline").innerText(), text: await box.innerText() };
}

const recordElement = /(<script type="application\/octet-stream" id="record" data-format="gzip">)([A-Za-z0-9+/=]*)(<\/script>)/;

export function recordIn(html: string): Buffer {
  return gunzipSync(Buffer.from(recordElement.exec(html)?.[2] ?? "", "base64"));
}

/** The same page with another record in it. */
export function withRecord(html: string, record: Uint8Array): string {
  return withPacked(html, gzipSync(record).toString("base64"));
}

export function packedIn(html: string): string {
  return recordElement.exec(html)?.[2] ?? "";
}

export function withPacked(html: string, base64: string): string {
  return html.replace(recordElement, (_, start: string, _old: string, end: string) => start + base64 + end);
}
