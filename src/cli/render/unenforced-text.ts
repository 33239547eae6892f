import type { UnenforcedRules } from "../../kernel/unenforced-rules.ts";

const names: Readonly<Record<string, string>> = { subprocesses: "tools of subprocesses", diff: "diff_max" };

/** One line, without a line break. */
export function unenforcedText({ rules, sandbox }: UnenforcedRules): string {
  const named = rules.map((rule) => names[rule] ?? rule);
  const last = named.at(-1) ?? "";
  const list = named.length < 2 ? last : `${named.slice(0, -1).join(", ")} and ${last}`;
  const [are, them] = named.length < 2 ? ["is", "it"] : ["are", "them"];
  if (sandbox === "off") return `policy: ${list} ${are} not enforced (no sandbox); sandbox: prefer enforces ${them} where bubblewrap works`;
  return `policy: ${list} ${are} not enforced (no sandbox worked); sandbox: require would refuse the run`;
}
