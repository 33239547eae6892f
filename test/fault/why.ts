/** Single-input changes of a project of pure steps, through the real product (test/reuse). */
import { kindCount } from "../reuse/changes.ts";
import { runCorpus } from "../reuse/corpus.ts";
import { casesOf, type Figure } from "./figure.ts";

export const why: Figure = {
  name: "why",
  promise: "B3: no false reuse, no false miss, and a certificate names exactly the input that changed",
  missing: () => null,
  run: async (options) => {
    const wanted = casesOf(options, kindCount, 12 * kindCount);
    const { changes, falseReuse, falseMiss, wrongWhy, compared, notes } = await runCorpus(Math.ceil(wanted / kindCount), (_, place) => place < wanted);
    return {
      n: changes,
      violations: notes,
      note: `false reuse ${falseReuse}, false miss ${falseMiss}, wrong certificates ${wrongWhy}; ${compared} runs compared with runs without reuse`,
    };
  },
};
