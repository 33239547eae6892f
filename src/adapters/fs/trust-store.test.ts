import { generateKeyPairSync } from "node:crypto";
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { trustStoreConformance } from "../../testkit/trust-store-conformance.ts";
import { openFsTrustStore } from "./trust-store.ts";

const made: string[] = [];

function home(): string {
  const dir = fs.mkdtempSync(join(tmpdir(), "lily-trust-"));
  made.push(dir);
  return dir;
}

afterAll(() => {
  for (const dir of made) fs.rmSync(dir, { recursive: true, force: true });
});

const isPosix = process.platform !== "win32";

describe("file trust store", () => {
  trustStoreConformance(async () => openFsTrustStore({ dataHome: home() }));

  it("S4: the key is a PEM file that only its user may read, in a folder that only its user may enter", async () => {
    const dataHome = home();
    await openFsTrustStore({ dataHome }).createKey("ws1");
    const path = join(dataHome, "lily/keys/ws1");
    expect(fs.readFileSync(path, "utf8")).toMatch(/^-----BEGIN PRIVATE KEY-----\n/);
    expect([fs.statSync(path).mode & 0o777, fs.statSync(dirname(path)).mode & 0o777]).toEqual([0o600, 0o700]);
    expect(fs.readdirSync(dirname(path))).toEqual(["ws1"]);
  });

  it("S4: the secret that values are recognised under lies beside the key, for its user alone, and is kept", async () => {
    const dataHome = home();
    const digest = await openFsTrustStore({ dataHome }).keyedDigest("ws1", "text");
    const path = join(dataHome, "lily/secrets/ws1");
    expect(fs.readFileSync(path, "utf8")).toMatch(/^[0-9a-f]{64}\n$/);
    if (isPosix) expect([fs.statSync(path).mode & 0o777, fs.statSync(dirname(path)).mode & 0o777]).toEqual([0o600, 0o700]);
    expect(await openFsTrustStore({ dataHome }).keyedDigest("ws1", "text")).toBe(digest);
  });

  it("KEY_INVALID: a secret that is not one is refused and kept", async () => {
    const dataHome = home();
    const path = join(dataHome, "lily/secrets/ws1");
    fs.mkdirSync(dirname(path), { recursive: true });
    fs.writeFileSync(path, "short\n", { mode: 0o600 });
    await expect(openFsTrustStore({ dataHome }).keyedDigest("ws1", "text")).rejects.toMatchObject({ code: "KEY_INVALID" });
    expect(fs.readFileSync(path, "utf8")).toBe("short\n");
  });

  it.skipIf(!isPosix)("KEY_INVALID: a secret that others may read is refused", async () => {
    const dataHome = home();
    await openFsTrustStore({ dataHome }).keyedDigest("ws1", "text");
    fs.chmodSync(join(dataHome, "lily/secrets/ws1"), 0o644);
    await expect(openFsTrustStore({ dataHome }).keyedDigest("ws1", "text")).rejects.toMatchObject({ code: "KEY_INVALID" });
  });

  it.skipIf(!isPosix).each([0o640, 0o604, 0o620, 0o602, 0o610, 0o666])("KEY_INVALID: a key file with mode %o is refused", async (mode) => {
    const dataHome = home();
    const trust = openFsTrustStore({ dataHome });
    await trust.createKey("ws1");
    fs.chmodSync(join(dataHome, "lily/keys/ws1"), mode);
    await expect(trust.signer("ws1")).rejects.toMatchObject({ code: "KEY_INVALID" });
    await expect(trust.createKey("ws1")).rejects.toMatchObject({ code: "KEY_INVALID" });
  });

  it("KEY_INVALID: a damaged key, another kind of key, a link, a second name and a folder are refused and kept", async () => {
    const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey.export({ type: "pkcs8", format: "pem" });
    const puts: ((path: string) => void)[] = [
      (path) => fs.writeFileSync(path, "", { mode: 0o600 }),
      (path) => fs.writeFileSync(path, "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", { mode: 0o600 }),
      (path) => fs.writeFileSync(path, rsa, { mode: 0o600 }),
      (path) => fs.writeFileSync(path, "x".repeat(10_000), { mode: 0o600 }),
      (path) => fs.symlinkSync("elsewhere", path),
      (path) => void fs.mkdirSync(path),
      (path) => {
        fs.writeFileSync(`${path}.other`, rsa, { mode: 0o600 });
        fs.linkSync(`${path}.other`, path);
      },
    ];
    for (const put of puts) {
      const dataHome = home();
      const path = join(dataHome, "lily/keys/ws1");
      fs.mkdirSync(dirname(path), { recursive: true });
      put(path);
      const trust = openFsTrustStore({ dataHome });
      await expect(trust.signer("ws1")).rejects.toMatchObject({ code: "KEY_INVALID" });
      await expect(trust.createKey("ws1")).rejects.toMatchObject({ code: "KEY_INVALID" });
      expect(fs.lstatSync(path, { throwIfNoEntry: false })).toBeDefined();
    }
  });

  it("KEY_INVALID: a data home inside the workspace is refused, also through a link", async () => {
    const workspaceDir = home();
    const link = `${workspaceDir}-link`;
    fs.symlinkSync(workspaceDir, link);
    made.push(link);
    for (const dataHome of [workspaceDir, join(workspaceDir, "a/b"), link, join(link, "x")]) {
      expect(() => openFsTrustStore({ dataHome, workspaceDir })).toThrow(/inside the workspace/);
    }
    expect(() => openFsTrustStore({ dataHome: `${workspaceDir}-evil`, workspaceDir })).not.toThrow();
  });

  it("keeps one note, the newest", async () => {
    const dataHome = home();
    const trust = openFsTrustStore({ dataHome });
    for (const size of [1, 5, 3, 12]) await trust.rememberCheckpoint("ws1", `note ${size}`, size);
    expect(fs.readdirSync(join(dataHome, "lily/checkpoints/ws1"))).toEqual(["0000000000000012"]);
    fs.writeFileSync(join(dataHome, "lily/checkpoints/ws1/.tmp-leftover"), "half");
    expect(await openFsTrustStore({ dataHome }).newestCheckpoint("ws1")).toBe("note 12");
  });
});
