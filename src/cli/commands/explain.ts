import { type ErrorCode, errorTable, isErrorCode } from "../../base/error-table.ts";
import { LilyError } from "../../base/lily-error.ts";
import type { CliContext } from "../cli-context.ts";
import { paintFor } from "../render/paint.ts";
import { table } from "../render/table.ts";
import { closestWords } from "../closest-words.ts";
import { tableWidth } from "../table-width.ts";
import { answer } from "../write-output.ts";

const exitMeanings: Readonly<Record<string, string>> = {
  "0": "Done.",
  "1": "The work failed: a step, gate or output. lily run show names it.",
  "2": "Usage or invalid input. Nothing ran.",
  "3": "Refused: policy, approval, authorisation, conflict or lease.",
  "4": "Corrupt: bytes do not verify. Keep the files and run lily doctor.",
  "5": "Not anchored by a checkpoint, or behind one.",
  "70": "An internal fault or failing storage. Nothing acknowledged was lost.",
  "75": "Not settled yet: it waits for evidence or a person.",
  "130": "Interrupted or canceled.",
};

export async function explain(cli: CliContext, _flags: object, code?: string): Promise<number> {
  if (code === undefined) return explainAll(cli);
  const meaning = exitMeanings[code];
  if (meaning !== undefined) return explainExit(cli, code, meaning);
  const name = code.toUpperCase();
  if (!isErrorCode(name)) {
    const near = closestWords(name, Object.keys(errorTable));
    throw new LilyError(
      "USAGE_INVALID",
      `there is no code ${JSON.stringify(code.slice(0, 80))}${near.length === 0 ? "" : `; did you mean ${near.join(" or ")}?`}`,
    );
  }
  const { doc, retry, exit, http } = errorTable[name];
  answer(cli, { code: name, doc, retry, exit, http }, () =>
    [name, `  ${doc}`, `  again  ${retryText(retry)}`, `  exit   ${exit}: ${exitMeanings[String(exit)] ?? ""}`].join("\n"),
  );
  return 0;
}

function explainExit(cli: CliContext, code: string, meaning: string): number {
  const codes = codesWith(Number(code));
  answer(cli, { exit: Number(code), meaning, codes }, () => [`exit code ${code}: ${meaning}`, ...codes.map((name) => `  ${name}`)].join("\n"));
  return 0;
}

function codesWith(exit: number): readonly ErrorCode[] {
  return Object.keys(errorTable)
    .filter(isErrorCode)
    .filter((name) => errorTable[name].exit === exit);
}

function explainAll(cli: CliContext): number {
  const codes = Object.keys(errorTable)
    .filter(isErrorCode)
    .map((code) => ({ code, ...errorTable[code] }));
  answer(cli, { codes }, () => {
    const rows = codes.map(({ code, exit, retry, doc }) => [code, String(exit), retry, doc]);
    return table(["CODE", "EXIT", "RETRY", "WHAT IT MEANS"], rows, { paint: paintFor(cli, cli.stdout), width: tableWidth(cli) });
  });
  return 0;
}

function retryText(retry: "never" | "later" | "after-change"): string {
  switch (retry) {
    case "never":
      return "the same call will fail again";
    case "later":
      return "the same call may succeed later";
    case "after-change":
      return "mend what the message names, then again";
  }
}
