import { expect, it } from "vitest";
import { digestBytes } from "../base/digest.ts";
import { parseRunId, runStream } from "../contracts/ids.ts";
import { chainStart } from "./chain-reader.ts";
import { PositionCache } from "./position-cache.ts";

const streamOf = (index: number) => runStream(parseRunId(`run-${index}`));
const position = { seq: 5, offset: 100, hash: digestBytes("x") };

it("gives the last place before an event, and forgets the streams that were read longest ago", () => {
  const cache = new PositionCache();
  cache.remember(streamOf(0), position);
  expect(cache.before(streamOf(0), 5)).toEqual(position);
  expect(cache.before(streamOf(0), 4)).toEqual(chainStart);
  expect(cache.before(streamOf(1), 9)).toEqual(chainStart);
  for (let index = 1; index <= 1_024; index++) cache.remember(streamOf(index), position);
  expect(cache.before(streamOf(0), 5)).toEqual(chainStart);
  expect(cache.before(streamOf(1_024), 5)).toEqual(position);
});
