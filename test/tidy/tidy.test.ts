import path from "node:path";
import { existsSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { testTitlesOf } from "../../scripts/docs/test-titles.ts";
import { linesWith, readTrackedFiles, repoRoot, type TrackedFile, withoutComments } from "./tracked-files.ts";

const files = readTrackedFiles();
const isTest = (file: TrackedFile): boolean => /\.test(?:-support)?\.ts$/.test(file.path);
const scripts = files.filter((file) => /\.(?:ts|mts|js|mjs)$/.test(file.path));
const source = scripts.filter((file) => file.path.startsWith("src/"));
const production = source.filter((file) => !isTest(file)).map(withoutComments);
const room = (file: TrackedFile): string => file.path.split("/")[1] ?? "";
const pages = files.filter((file) => file.path.endsWith(".md"));
// This file names what it forbids.
const others = files.filter((file) => !file.path.startsWith("test/tidy/"));

describe("words and paths", () => {
  test("no file names a path of the machine it was written on", () => {
    expect(
      linesWith(others, /(?:^|[\s"'`(=])(?:\/work\/(?:main|shared)\b|\/root\/[A-Za-z.]|\/home\/(?!ada\b)[a-z]|\/Users\/(?!ada\b)[A-Za-z]|[A-Z]:\\Users\\)/),
    ).toEqual([]);
  });

  test("no file names a package registry host", () => {
    const lock = files.filter((file) => file.path === "package-lock.json");
    expect(linesWith([...others, ...lock], /registry\.npmjs|npmjs\.org|registry\.yarnpkg|npm\.pkg\.github|jfrog|artifactory|verdaccio/i)).toEqual([]);
  });

  test("no file keeps a note of unfinished work", () => {
    expect(
      linesWith(
        others.filter((file) => file.path !== "package-lock.json"),
        /\b(?:TODO|FIXME|XXX|HACK)\b/,
      ),
    ).toEqual([]);
  });

  test("no text in the repository has a trailing space or lacks its last line end", () => {
    const authored = others.filter((file) => /\.(?:ts|md|json|yaml|yml)$/.test(file.path) && !file.path.startsWith("test/golden/"));
    expect(linesWith(authored, /[ \t]+$/)).toEqual([]);
    expect(authored.filter((file) => file.text !== "" && !file.text.endsWith("\n")).map((file) => file.path)).toEqual([]);
  });
});

describe("code", () => {
  test("time, randomness and timers come through ports outside of adapters", () => {
    const reached = production.filter((file) => !["adapters", "presets", "cli", "testkit"].includes(room(file)));
    expect(
      linesWith(reached, /\bDate\.now\b|\bnew Date\(\s*\)|\bMath\.random\b|\bperformance\.now\b|\bsetTimeout\b|\bsetInterval\b|\bsetImmediate\b|\brandomUUID/),
    ).toEqual([]);
  });

  test("the console is for scripts", () => {
    expect(linesWith(production, /\bconsole\s*\./)).toEqual([]);
  });

  test("exports have names", () => {
    expect(linesWith(source.map(withoutComments), /^\s*export default\b/)).toEqual([]);
  });

  test("no type is switched off", () => {
    expect(
      linesWith(scripts.filter((file) => !file.path.startsWith("test/tidy/")).map(withoutComments), /(?::\s*|\bas\s+|<)any\b(?=\s*(?:[;,)>=[{|&]|$))/),
    ).toEqual([]);
    expect(
      linesWith(
        others.filter((file) => file.path.endsWith(".ts")),
        /@ts-(?:ignore|nocheck|expect-error)/,
      ),
    ).toEqual([]);
  });

  test("no source or test file is longer than 400 lines", () => {
    const long = scripts.filter((file) => !file.path.startsWith("test/golden/") && file.text.split("\n").length > 401);
    expect(long.map((file) => `${file.path} ${file.text.split("\n").length - 1}`)).toEqual([]);
  });

  test("no file of the source is empty", () => {
    expect(source.filter((file) => file.text.trim() === "").map((file) => file.path)).toEqual([]);
  });

  test("files are named in kebab-case", () => {
    const odd = scripts.filter((file) => !/^[a-z0-9]+(?:[.-][a-z0-9]+)*\.(?:ts|mts|js|mjs)$/.test(path.basename(file.path)));
    expect(odd.map((file) => file.path)).toEqual([]);
  });

  test("only the public entries are index files", () => {
    const indexes = scripts.filter((file) => /^index\./.test(path.basename(file.path)) && !file.path.startsWith("examples/"));
    expect(indexes.map((file) => file.path).filter((file) => !["src/index.ts", "src/testkit/index.ts"].includes(file))).toEqual([]);
  });

  test("no folder gathers what has no name", () => {
    expect(files.map((file) => file.path).filter((file) => /(?:^|\/)(?:utils?|helpers?|misc|common|lib)(?:\/|\.ts$)/.test(file))).toEqual([]);
  });
});

describe("tests", () => {
  const testFiles = files.filter((file) => file.path.endsWith(".test.ts"));
  const titles = testFiles.flatMap((file) => testTitlesOf(file.path, file.text).map((title) => ({ file: file.path, title })));

  test("titles are sentences about behaviour", () => {
    const poor = titles.filter(
      ({ title }) => (title.trim().split(/\s+/).length < 3 && !/[%$]/.test(title)) || /^(?:should|works|test)\b/i.test(title) || title.endsWith("."),
    );
    expect(poor.map(({ file, title }) => `${file}: ${title}`)).toEqual([]);
  });

  test("no title stands twice in a file", () => {
    // A title with a place for a value differs in what is put there.
    const seen = titles.filter(({ title }) => !/%[a-z#$]|\$\{/.test(title)).map(({ file, title }) => `${file}: ${title}`);
    expect(seen.filter((title, at) => seen.indexOf(title) !== at)).toEqual([]);
  });

  test("no test waits for time to pass", () => {
    // Tests of real processes must ask the system again and again; everything else has a fake clock.
    const waiting = testFiles.filter((file) => !/^(?:test\/tidy|test\/e2e|src\/adapters\/process)\//.test(file.path)).map(withoutComments);
    expect(linesWith(waiting, /setTimeout\(\s*(?:resolve|done|r)\b|timers\/promises/)).toEqual([]);
  });
});

describe("links", () => {
  test("every relative link of a page leads to a file", () => {
    const broken = pages.flatMap((page) =>
      linksOf(page)
        .filter((link) => !existsSync(path.resolve(repoRoot, path.dirname(page.path), link)))
        .map((link) => `${page.path}: ${link}`),
    );
    expect(broken).toEqual([]);
  });

  test("every page that a comment of the source names exists", () => {
    const named = source.flatMap((file) => [...file.text.matchAll(/\bdocs\/[a-z0-9/-]+\.md\b/g)].map((match) => ({ file: file.path, page: match[0] })));
    expect(named.filter(({ page }) => !existsSync(path.join(repoRoot, page))).map(({ file, page }) => `${file}: ${page}`)).toEqual([]);
  });
});

function linksOf(page: TrackedFile): readonly string[] {
  const prose = page.text.replace(/^```[\s\S]*?^```/gm, "");
  return [...prose.matchAll(/\]\(([^)\s]+)\)/g)]
    .map((match) => match[1] ?? "")
    .filter((link) => !/^(?:[a-z]+:|#)/.test(link))
    .map((link) => link.replace(/#.*$/, ""));
}
