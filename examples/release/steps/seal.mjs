/**
 * `seal.mjs PACKAGE BUNDLE`: writes files.txt, the list of what the package holds, and then _passed.flag, the digest over the whole bundle.
 * The digest is the one of docs/formats/hash-gates.md: all files but the flag, one after the other in ASCII order of their paths.
 */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import process from "node:process";

const [packed = "", bundle = ""] = process.argv.slice(2);
const flag = "_passed.flag";

const listed = execFileSync("tar", ["-tzf", packed], { encoding: "utf8" });
writeFileSync(path.join(bundle, "files.txt"), listed.trimEnd().split("\n").sort().join("\n").concat("\n"));

const hash = createHash("sha256");
const names = readdirSync(bundle)
  .filter((name) => name !== flag)
  .sort();
for (const name of names) hash.update(readFileSync(path.join(bundle, name)));
writeFileSync(path.join(bundle, flag), `sha256_hex = ${hash.digest("hex")}\n`);
process.stdout.write(`sealed ${names.join(", ")}\n`);
