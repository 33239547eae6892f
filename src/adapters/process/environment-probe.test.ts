import { execFileSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { homedir, hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { sha256Hex } from "../../base/digest.ts";
import type { JsonObject } from "../../base/json-value.ts";
import { createEnvironmentProbe } from "./environment-probe.ts";
import { remoteText } from "./git-source.ts";

let dir: string;
const at = "2026-11-20T00:00:00Z";
const path = process.env["PATH"] ?? "";

beforeEach(() => {
  dir = realpathSync(mkdtempSync(join(tmpdir(), "lily-probe-")));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const identity = {
  GIT_AUTHOR_NAME: "a",
  GIT_AUTHOR_EMAIL: "a@b.c",
  GIT_COMMITTER_NAME: "a",
  GIT_COMMITTER_EMAIL: "a@b.c",
  GIT_CONFIG_GLOBAL: "/dev/null",
  GIT_CONFIG_NOSYSTEM: "1",
};
const git = (...args: readonly string[]) =>
  execFileSync("git", args, { cwd: dir, encoding: "utf8", env: { PATH: path, ...identity }, stdio: ["ignore", "pipe", "ignore"] }).trim();

function probe(env: Readonly<Record<string, string>> = { PATH: path }) {
  return createEnvironmentProbe({ kernelVersion: "0.1.0", env });
}
const snapshot = (env?: Readonly<Record<string, string>>, tools: readonly string[] = [], sourceDir = dir) => probe(env).snapshot({ sourceDir, tools, at });
const sourceOf = async () => (await snapshot())["source"] as JsonObject | undefined;

describe("snapshot", () => {
  test("names runtime, platform, kernel and time, and leaves out what is not there", async () => {
    expect(await snapshot()).toEqual({
      runtime: { name: "node", version: process.version.slice(1) },
      platform: { os: process.platform, release: expect.any(String), arch: process.arch },
      kernel_version: "0.1.0",
      tools: [],
      timestamp: at,
    });
  });

  test("names each tool once with its digest, and runs none of them", async () => {
    const tool = join(dir, "tool");
    writeFileSync(tool, `#!/bin/sh\ntouch ${dir}/ran\n`);
    chmodSync(tool, 0o755);
    symlinkSync(tool, join(dir, "link"));
    const { tools } = await snapshot({ PATH: dir }, ["tool", "link", "./tool", "absent"]);
    expect(tools).toEqual([{ path: tool, sha256: sha256Hex(`#!/bin/sh\ntouch ${dir}/ran\n`) }]);
    expect(existsSync(join(dir, "ran"))).toBe(false);
  });

  test("knows the version of Node itself", async () => {
    expect((await snapshot(undefined, [process.execPath]))["tools"]).toMatchObject([{ version: process.version.slice(1) }]);
  });

  test("finds lockfiles from the source folder up to the repository, links left out", async () => {
    git("init", "-q");
    mkdirSync(join(dir, "a/b"), { recursive: true });
    writeFileSync(join(dir, "go.sum"), "go");
    writeFileSync(join(dir, "a/package-lock.json"), "{}");
    writeFileSync(join(dir, "a/b/uv.lock"), "uv");
    symlinkSync("uv.lock", join(dir, "a/b/poetry.lock"));
    const found = await snapshot(undefined, [], join(dir, "a/b"));
    expect(found["lockfiles"]).toEqual([
      { path: "a/b/uv.lock", sha256: sha256Hex("uv") },
      { path: "a/package-lock.json", sha256: sha256Hex("{}") },
      { path: "go.sum", sha256: sha256Hex("go") },
    ]);
  });

  test.each([
    [
      { GITHUB_ACTIONS: "true", GITHUB_RUN_ID: "7", GITHUB_SERVER_URL: "https://github.com", GITHUB_REPOSITORY: "a/b", GITHUB_ACTOR: "ada" },
      { provider: "github-actions", run_url: "https://github.com/a/b/actions/runs/7", actor: "ada" },
    ],
    [{ GITHUB_ACTIONS: "true" }, { provider: "github-actions" }],
    [
      { GITLAB_CI: "true", CI_PIPELINE_URL: "https://gitlab/p/1" },
      { provider: "gitlab-ci", run_url: "https://gitlab/p/1" },
    ],
    [{ BUILDKITE: "true", BUILDKITE_BUILD_CREATOR: "" }, { provider: "buildkite" }],
    [
      { CIRCLECI: "true", CIRCLE_USERNAME: "ada" },
      { provider: "circleci", actor: "ada" },
    ],
    [
      { JENKINS_URL: "https://j/", BUILD_URL: "https://j/1" },
      { provider: "jenkins", run_url: "https://j/1" },
    ],
    [{ CI: "true" }, { provider: "unknown" }],
  ])("says what the CI says of itself: %o", async (env, ci) => {
    expect((await snapshot(env))["ci"]).toEqual(ci);
  });
});

describe("git source", () => {
  test("is commit, tree and cleanliness", async () => {
    git("init", "-q");
    expect(await sourceOf()).toEqual({ vcs: "git", dirty: false });
    writeFileSync(join(dir, "a"), "1");
    git("add", "a");
    git("commit", "-qm", "one");
    const clean = { vcs: "git", commit: git("rev-parse", "HEAD"), tree: git("rev-parse", "HEAD^{tree}"), dirty: false };
    expect(await sourceOf()).toEqual(clean);
    mkdirSync(join(dir, ".lily"));
    writeFileSync(join(dir, ".lily/state"), "x");
    expect(await sourceOf()).toEqual(clean);
  });

  test("has a digest over what changed, which follows content, and a remote without credentials", async () => {
    git("init", "-q");
    writeFileSync(join(dir, "a"), "1");
    git("add", "a");
    git("commit", "-qm", "one");
    git("remote", "add", "origin", "https://user:token@example.com/a/b.git?key=1");
    const digests = new Set<unknown>();
    for (const content of ["2", "3", "2"]) {
      writeFileSync(join(dir, "a"), content);
      symlinkSync("elsewhere", join(dir, "new"));
      const source = await sourceOf();
      rmSync(join(dir, "new"));
      expect(source).toMatchObject({ dirty: true, dirty_digest: expect.stringMatching(/^sha256:/), remote: "https://example.com/a/b.git" });
      digests.add(source?.["dirty_digest"]);
    }
    expect(digests.size).toBe(2);
    rmSync(join(dir, "a"));
    expect(digests).not.toContain((await sourceOf())?.["dirty_digest"]);
  });

  test("is left out where there is no repository or no git", async () => {
    expect(await sourceOf()).toBeUndefined();
    git("init", "-q");
    expect((await snapshot({ PATH: "/nonexistent" }))["source"]).toEqual({ vcs: "git" });
  });

  /** Each makes a repository whose own configuration would run `evil` when it is looked at carelessly. */
  const hostile: readonly (readonly [string, (evil: string) => void])[] = [
    ["fsmonitor", (evil) => git("config", "core.fsmonitor", evil)],
    [
      "hooks path",
      (evil) => {
        mkdirSync(join(dir, "hooks"));
        for (const hook of ["post-index-change", "fsmonitor-watchman", "reference-transaction", "post-checkout"]) {
          writeFileSync(join(dir, "hooks", hook), `#!/bin/sh\n${evil}\n`);
          chmodSync(join(dir, "hooks", hook), 0o755);
        }
        git("config", "core.hooksPath", join(dir, "hooks"));
      },
    ],
    [
      "clean filter",
      (evil) => {
        git("config", "filter.x.clean", evil);
        git("config", "filter.x.smudge", evil);
        writeFileSync(join(dir, ".gitattributes"), "* filter=x\n");
      },
    ],
    [
      "filter process",
      (evil) => {
        git("config", "filter.x.process", evil);
        writeFileSync(join(dir, ".gitattributes"), "* filter=x\n");
      },
    ],
    [
      "filter in an included file",
      (evil) => {
        writeFileSync(join(dir, ".git/more"), `[filter "x"]\n\tclean = ${evil}\n`);
        git("config", "include.path", "more");
        writeFileSync(join(dir, ".gitattributes"), "* filter=x\n");
      },
    ],
    ["external diff", (evil) => git("config", "diff.external", evil)],
    [
      "textconv",
      (evil) => {
        git("config", "diff.x.textconv", evil);
        writeFileSync(join(dir, ".gitattributes"), "* diff=x\n");
      },
    ],
    ["pager", (evil) => git("config", "core.pager", evil)],
    [
      "ssh command",
      (evil) => {
        git("config", "core.sshCommand", evil);
        git("config", "remote.origin.url", "ssh://x/y");
      },
    ],
    [
      "partial clone",
      (evil) => {
        git("config", "extensions.partialClone", "origin");
        git("config", "remote.origin.promisor", "true");
        git("config", "remote.origin.url", `ext::${evil}`);
        git("config", "protocol.ext.allow", "always");
      },
    ],
    ["work tree elsewhere", () => git("config", "core.worktree", "/usr")],
    [
      "alias",
      (evil) => {
        for (const name of ["status", "rev-parse", "config"]) git("config", `alias.${name}`, `!${evil}`);
      },
    ],
    [
      "signature program",
      (evil) => {
        git("config", "gpg.program", evil);
        git("config", "log.showSignature", "true");
      },
    ],
    ["credential helper", (evil) => git("config", "credential.helper", `!${evil}`)],
  ];

  test.each(hostile)("H12: runs no code that the repository names (%s)", async (_, prepare) => {
    git("init", "-q");
    writeFileSync(join(dir, "a"), "1");
    git("add", "a");
    git("commit", "-qm", "one");
    const evil = join(dir, "..", `${dir.slice(dir.lastIndexOf("/") + 1)}-evil.sh`);
    const proof = `${evil}.ran`;
    writeFileSync(evil, `#!/bin/sh\ntouch ${proof}\ncat\n`);
    chmodSync(evil, 0o755);
    try {
      prepare(evil);
      rmSync(proof, { force: true });
      writeFileSync(join(dir, "a"), "2");
      expect((await sourceOf())?.["vcs"]).toBe("git");
      expect(existsSync(proof)).toBe(false);
    } finally {
      rmSync(evil, { force: true });
      rmSync(proof, { force: true });
    }
  });

  test.each([
    ["git@example.com:a/b.git", "example.com:a/b.git"],
    ["example.com:a/b", "example.com:a/b"],
    ["ssh://git@example.com:22/a", "ssh://example.com:22/a"],
    ["https://token@example.com/a#x", "https://example.com/a"],
    ["http://", null],
    ["file:///home/ada/secret", null],
    ["/home/ada/repo", null],
    ["", null],
  ])("the remote %s is shown as %s", (text, shown) => {
    expect(remoteText(text)).toBe(shown);
  });
});

describe("caller", () => {
  test("select takes exact names and prefixes, base has defaults", () => {
    const env = { PATH: "/bin", HOME: "/h", AWS_PROFILE: "p", AWS_REGION: "r", AWSX: "x", A: "1" };
    expect(probe(env).select(["AWS_*", "A", "NOPE"])).toEqual({ AWS_PROFILE: "p", AWS_REGION: "r", A: "1" });
    expect(probe(env).select([])).toEqual({});
    expect(probe(env).base()).toEqual({ PATH: "/bin", HOME: "/h" });
    expect(probe({}).base()).toEqual({ PATH: "/usr/local/bin:/usr/bin:/bin", HOME: homedir() });
    expect(probe().principal()).toMatch(/^user:./);
  });

  test("owner is this process", () => {
    expect(createEnvironmentProbe({ kernelVersion: "0.1.0" }).owner()).toMatchObject({ host: hostname(), pid: process.pid });
  });
});
