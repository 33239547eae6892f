import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { securityControlConformance } from "../../testkit/security-monitor-conformance.ts";
import { openSecurityFile, securityFileName } from "./security-file.ts";

let dir: string;
let file: string;
beforeEach(() => {
  dir = fs.mkdtempSync(join(tmpdir(), "lily-security-"));
  file = join(dir, securityFileName);
});
afterEach(() => fs.rmSync(dir, { recursive: true, force: true }));

const whole = { v: 1, state: "DEGRADED", reason: "r", by: "user:ada", at: "2026-01-01T00:00:00.000Z" };

describe("security.json", () => {
  securityControlConformance(async () => ({ control: openSecurityFile(dir), again: () => openSecurityFile(dir) }));

  const broken: readonly (readonly [string, () => void])[] = [
    ["empty", () => fs.writeFileSync(file, "")],
    ["cut", () => fs.writeFileSync(file, JSON.stringify(whole).slice(0, -3))],
    ["no JSON", () => fs.writeFileSync(file, "OPERATIONAL\n")],
    ["a list", () => fs.writeFileSync(file, JSON.stringify([whole]))],
    ["null", () => fs.writeFileSync(file, "null")],
    ["of a key twice", () => fs.writeFileSync(file, '{"v":1,"state":"LOCKDOWN","state":"OPERATIONAL","reason":"r","by":"b","at":"2026-01-01T00:00:00Z"}')],
    ["of a member too many", () => fs.writeFileSync(file, JSON.stringify({ ...whole, until: "tomorrow" }))],
    ["of a member too few", () => fs.writeFileSync(file, JSON.stringify({ ...whole, at: undefined }))],
    ["of another version", () => fs.writeFileSync(file, JSON.stringify({ ...whole, v: 2 }))],
    ["of an unknown state", () => fs.writeFileSync(file, JSON.stringify({ ...whole, state: "FINE" }))],
    ["of a state in small letters", () => fs.writeFileSync(file, JSON.stringify({ ...whole, state: "operational" }))],
    ["of the state that nobody tells", () => fs.writeFileSync(file, JSON.stringify({ ...whole, state: "UNKNOWN" }))],
    ["of a state by a name of every object", () => fs.writeFileSync(file, JSON.stringify({ ...whole, state: "toString" }))],
    ["of a reason that is no text", () => fs.writeFileSync(file, JSON.stringify({ ...whole, reason: null }))],
    ["of nobody", () => fs.writeFileSync(file, JSON.stringify({ ...whole, by: 0 }))],
    ["of no time", () => fs.writeFileSync(file, JSON.stringify({ ...whole, at: "now" }))],
    ["not UTF-8", () => fs.writeFileSync(file, new Uint8Array([0xff, 0xfe]))],
    ["too large", () => fs.writeFileSync(file, `${JSON.stringify({ ...whole, state: "OPERATIONAL" })}${" ".repeat(20_000)}`)],
    ["a folder", () => fs.mkdirSync(file)],
    ["a link to nothing", () => fs.symlinkSync("nothing", file)],
    [
      "a link to a sound file",
      () => {
        fs.writeFileSync(join(dir, "sound.json"), JSON.stringify({ ...whole, state: "OPERATIONAL" }));
        fs.symlinkSync("sound.json", file);
      },
    ],
    ["a pipe", () => void execFileSync("mkfifo", [file])],
    ["a device", () => fs.symlinkSync("/dev/zero", file)],
  ];
  test.each(broken)("S1: one that is %s cannot be read, so that whoever asks takes it for LOCKDOWN", async (_, make) => {
    const control = openSecurityFile(dir);
    await control.read();
    make();
    await expect(control.read()).rejects.toThrow(/./);
  });

  test.skipIf(process.getuid?.() === 0)("S1: one that may not be read cannot be read", async () => {
    fs.writeFileSync(file, JSON.stringify(whole), { mode: 0 });
    await expect(openSecurityFile(dir).read()).rejects.toThrow(/./);
  });

  test("S1: content that was looked at before is not taken for what was written into the same file a moment later", async () => {
    const control = openSecurityFile(dir);
    const text = (state: string): string => JSON.stringify({ ...whole, state });
    fs.writeFileSync(file, text("DEGRADED"));
    for (let count = 0; count < 300; count++) {
      const state = count % 2 === 0 ? "DEGRADED" : "LOCKDOWN";
      // In place and of the same length, so that inode and size tell nothing.
      fs.writeFileSync(file, text(state));
      expect((await control.read()).state).toBe(state);
    }
  });

  test("S1: one that was written a moment ago is read again, because another write within the same tick of its times would look alike", async () => {
    const seen = (): number => Number(fs.lstatSync(file, { bigint: true }).ctimeMs);
    let agoMs = 0;
    const control = openSecurityFile(dir, { nowMs: () => seen() + agoMs });
    fs.writeFileSync(file, JSON.stringify(whole));
    const first = await control.read();
    const second = await control.read();
    expect(second).toEqual(first);
    expect(second).not.toBe(first);
    agoMs = 60_000;
    const kept = await control.read();
    expect(await control.read()).toBe(kept);
  });

  test("one that stays is not read again, and one that is made to look the same is", async () => {
    const old = new Date(Date.now() - 60_000);
    const control = openSecurityFile(dir, { nowMs: () => Date.now() + 60_000 });
    fs.writeFileSync(file, JSON.stringify(whole));
    fs.utimesSync(file, old, old);
    const first = await control.read();
    expect(first.state).toBe("DEGRADED");
    expect(await control.read()).toBe(first);
    fs.writeFileSync(file, JSON.stringify({ ...whole, state: "LOCKDOWN" }));
    fs.utimesSync(file, old, old);
    expect((await control.read()).state).toBe("LOCKDOWN");
    fs.rmSync(file);
    expect((await control.read()).state).toBe("OPERATIONAL");
  });

  test("a broken file is replaced by what is set, a link is not followed", async () => {
    const control = openSecurityFile(dir);
    fs.writeFileSync(join(dir, "other"), "stays");
    fs.symlinkSync("other", file);
    await control.set("OPERATIONAL", "mended", "user:ada");
    expect((await control.read()).state).toBe("OPERATIONAL");
    expect(fs.readFileSync(join(dir, "other"), "utf8")).toBe("stays");
    fs.writeFileSync(file, "{");
    await control.set("DEGRADED", "again", "user:ada");
    expect((await control.read()).state).toBe("DEGRADED");
    expect(fs.readdirSync(dir).sort()).toEqual(["other", securityFileName]);
  });

  test("what cannot be written is said, leaves nothing behind, and leaves the state as it was", async () => {
    const control = openSecurityFile(dir);
    fs.mkdirSync(join(file, "in the way"), { recursive: true });
    await expect(control.set("LOCKDOWN", "r", "user:ada")).rejects.toMatchObject({ code: "STORAGE_FAILED" });
    expect(fs.readdirSync(dir)).toEqual([securityFileName]);
    await expect(openSecurityFile(join(dir, "missing")).set("LOCKDOWN", "r", "user:ada")).rejects.toMatchObject({ code: "STORAGE_FAILED" });
  });
});
