/**
 * Compares the page that was opened with the page that the record gives: every element, attribute and text of both, part by part. The page holds
 * the text of this very function: it names nothing from outside of itself.
 */

/** As much of a node as is looked at. */
export interface PageNode {
  readonly nodeType: number;
  readonly nodeName: string;
  readonly nodeValue: string | null;
  readonly childNodes: Iterable<PageNode>;
  readonly attributes?: Iterable<{ readonly name: string; readonly value: string }>;
  readonly shadowRoot?: object | null;
}

export interface PageComparison {
  /** In words, one a part. */
  readonly differences: readonly string[];
  /** Parts that differ: ids of sections; `header`, `footer`, `head`, and `frame` for what is around them. */
  readonly parts: ReadonlySet<string>;
  /** Texts that are the same. */
  readonly texts: number;
}

export type ReportCompare = (shown: PageNode, made: PageNode) => PageComparison;

export function reportCompare(): ReportCompare {
  type Tokens = Map<string, string[]>;

  function add(tokens: Tokens, part: string, token: string, joins: boolean): void {
    const list = tokens.get(part) ?? [];
    tokens.set(part, list);
    const last = list.at(-1);
    if (joins && last?.startsWith("“") === true) list[list.length - 1] = last + token;
    else list.push(joins ? `“${token}` : token);
  }

  function partOf(node: PageNode, name: string, part: string): string {
    if (name === "section") {
      const id = [...(node.attributes ?? [])].find((attribute) => attribute.name === "id")?.value ?? "";
      return id === "" ? "a section without a name" : id;
    }
    return part === "frame" && (name === "header" || name === "footer" || name === "head") ? name : part;
  }

  function walk(node: PageNode, part: string, tokens: Tokens): void {
    if (node.nodeType === 3) return add(tokens, part, node.nodeValue ?? "", true);
    if (node.nodeType !== 1) return add(tokens, part, `<!${node.nodeName} ${node.nodeValue ?? ""}>`, false);
    const name = node.nodeName.toLowerCase();
    const own = partOf(node, name, part);
    // Where a part stands belongs to what is around it.
    if (own !== part) add(tokens, part, `the part ${own}`, false);
    const attributes = [...(node.attributes ?? [])].map((attribute) => ` ${attribute.name}="${attribute.value}"`).sort();
    add(tokens, own, `<${name}${attributes.join("")}>`, false);
    if (node.shadowRoot != null) add(tokens, own, "<a shadow root>", false);
    for (const child of node.childNodes) walk(child, own, tokens);
    add(tokens, own, `</${name}>`, false);
  }

  function clip(token: string | undefined): string {
    if (token === undefined) return "nothing";
    const text = token.startsWith("“") ? token.slice(1).trim() : token;
    return `“${text.length > 160 ? `${text.slice(0, 160)}…` : text}”`;
  }

  function difference(part: string, shown: readonly string[] | undefined, made: readonly string[] | undefined): string | null {
    if (made === undefined) return `the page shows a part ${part} that the record does not give`;
    if (shown === undefined) return `the page does not show the part ${part}`;
    const at = Array.from({ length: Math.max(shown.length, made.length) }, (_, place) => place).find((place) => shown[place] !== made[place]);
    return at === undefined ? null : `${part}: the page shows ${clip(shown[at])}, and the record gives ${clip(made[at])}`;
  }

  return (shownRoot, madeRoot) => {
    const [shown, made]: [Tokens, Tokens] = [new Map(), new Map()];
    walk(shownRoot, "frame", shown);
    walk(madeRoot, "frame", made);
    const differences: string[] = [];
    const parts = new Set<string>();
    let texts = 0;
    for (const part of new Set([...made.keys(), ...shown.keys()])) {
      const found = difference(part, shown.get(part), made.get(part));
      if (found === null) texts += (made.get(part) ?? []).filter((token) => token.startsWith("“") && token.trim().length > 1).length;
      else {
        parts.add(part);
        differences.push(found);
      }
    }
    return { differences, parts, texts };
  };
}
