/** As much of a document as the script of a report asks for, parsed from the markup of a report: no browser, and no more HTML than that. */

export interface FakeEvent {
  preventDefault(): void;
  readonly dataTransfer?: { readonly files: readonly object[] };
}

const voids = new Set(["meta", "input", "br", "img"]);
const entities: Readonly<Record<string, string>> = { amp: "&", lt: "<", gt: ">", quot: '"', "#39": "'" };
const decode = (text: string): string => text.replace(/&(amp|lt|gt|quot|#39);/g, (_, name: string) => entities[name] ?? "");

export class FakeNode {
  readonly nodeName: string;
  readonly nodeType: number;
  readonly nodeValue: string | null;
  parent: FakeNode | FakeDocument | null = null;
  childNodes: FakeNode[] = [];
  readonly attributes: { readonly name: string; value: string }[] = [];
  readonly listeners = new Map<string, (event: FakeEvent) => void>();
  hidden = false;
  value = "";
  files: null = null;

  constructor(nodeName: string, nodeValue: string | null = null) {
    this.nodeName = nodeName;
    this.nodeType = nodeValue === null ? 1 : 3;
    this.nodeValue = nodeValue;
  }

  get textContent(): string {
    return this.nodeValue ?? this.childNodes.map((child) => child.textContent).join("");
  }
  set textContent(text: string) {
    this.childNodes = [new FakeNode("#text", text)];
  }
  get className(): string {
    return this.getAttribute("class") ?? "";
  }
  set className(text: string) {
    this.setAttribute("class", text);
  }
  getAttribute(name: string): string | null {
    return this.attributes.find((attribute) => attribute.name === name)?.value ?? null;
  }
  setAttribute(name: string, value: string): void {
    const found = this.attributes.find((attribute) => attribute.name === name);
    if (found === undefined) this.attributes.push({ name, value });
    else found.value = value;
  }
  *all(): Generator<FakeNode> {
    for (const child of this.childNodes) {
      yield child;
      yield* child.all();
    }
  }
  /** A name, or `[attribute]`. */
  querySelectorAll(selector: string): readonly FakeNode[] {
    const attribute = /^\[(.*)]$/.exec(selector)?.[1];
    return [...this.all()].filter((node) => (attribute === undefined ? node.nodeName === selector : node.getAttribute(attribute) !== null));
  }
  addEventListener(type: string, listener: (event: FakeEvent) => void): void {
    this.listeners.set(type, listener);
  }
  replaceChildren(...nodes: readonly FakeNode[]): void {
    this.childNodes = [...nodes];
  }
  replaceWith(other: FakeNode): void {
    if (this.parent instanceof FakeDocument) this.parent.root = other;
    other.parent = this.parent;
  }
  click(): void {
    this.listeners.get("click")?.({ preventDefault: () => undefined });
  }
}

export class FakeDocument {
  root: FakeNode;

  constructor(html: string) {
    this.root = parsed(html);
    this.root.parent = this;
  }

  get documentElement(): FakeNode {
    return this.root;
  }
  get readyState(): string {
    return "interactive";
  }
  get currentScript(): FakeNode | null {
    return this.querySelectorAll("script").at(-1) ?? null;
  }
  getElementById(id: string): FakeNode | null {
    return this.querySelectorAll("[id]").find((node) => node.getAttribute("id") === id) ?? null;
  }
  querySelectorAll(selector: string): readonly FakeNode[] {
    return this.root.querySelectorAll(selector);
  }
  createElement(name: string): FakeNode {
    return new FakeNode(name);
  }
}

export class FakeParser {
  parseFromString(text: string): FakeDocument {
    return new FakeDocument(text);
  }
}

function parsed(html: string): FakeNode {
  const top = new FakeNode("#top");
  const open = [top];
  const add = (node: FakeNode): void => void open.at(-1)?.childNodes.push(node);
  const pattern = /<(script|style)\b([^>]*)>(.*?)<\/\1>|<!doctype[^>]*>|<\/(\w+)>|<(\w+)((?:\s+[\w:-]+(?:="[^"]*")?)*)\s*(\/?)>|([^<]+)/gs;
  for (const [, raw, rawAttributes = "", content = "", closed, name, attributes = "", isClosed, text] of html.matchAll(pattern)) {
    if (text !== undefined) add(new FakeNode("#text", decode(text)));
    else if (closed !== undefined) open.pop();
    else if (raw !== undefined) add(elementOf(raw, rawAttributes, content));
    else if (name !== undefined) {
      const node = elementOf(name, attributes, "");
      add(node);
      if (isClosed !== "/" && !voids.has(name)) open.push(node);
    }
  }
  const [root] = top.childNodes.filter((node) => node.nodeName === "html");
  if (root === undefined) throw new Error("the markup has a root");
  return root;
}

function elementOf(name: string, attributes: string, content: string): FakeNode {
  const node = new FakeNode(name);
  for (const [, key = "", value = ""] of attributes.matchAll(/([\w:-]+)(?:="([^"]*)")?/g)) node.setAttribute(key, decode(value));
  node.hidden = node.getAttribute("hidden") !== null;
  if (content !== "") node.childNodes.push(new FakeNode("#text", content));
  return node;
}
