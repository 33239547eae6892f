/**
 * Ways to get round a policy. Each says what becomes of it on both levels:
 *   refused   nothing was started, and a violation is recorded
 *   stopped   it was tried, and did not work
 *   detected  it worked, and a violation is recorded
 *   unseen    it worked, and nobody noticed: docs/reference/enforcement.md says so
 *   race      a process that hides before it is seen may live on; nothing is claimed
 */
import type { JsonObject } from "../../src/base/json-value.ts";

export type Outcome = "refused" | "stopped" | "detected" | "unseen" | "race";

/** Absolute paths of one attempt. */
export interface Places {
  /** The workflow's folder. */
  readonly dir: string;
  /** Beside it. */
  readonly outside: string;
  readonly workspace: string;
  /** Where Lily's process works. */
  readonly root: string;
  readonly dataHome: string;
  readonly home: string;
  /** Part of every name outside of the folder, and of command lines. */
  readonly token: string;
  readonly port: number;
  readonly port6: number;
  readonly dnsPort: number;
}

export interface Escape {
  readonly name: string;
  /** How often it worked: a file that is there, a file that changed, a process that lives, a contact that was made. */
  readonly worked: "proof" | "kept" | "outside" | "other" | "process" | "contact";
  /** For `other`: the path, relative to the folder or absolute. */
  readonly path?: (places: Places) => string;
  readonly step: (places: Places) => JsonObject;
  readonly policy: JsonObject;
  readonly observed: Outcome;
  readonly prevented: Outcome;
  /** Why it is not tried in this process, or null. */
  readonly skip?: () => string | null;
}

const writes: JsonObject = { write: { allow: ["out/**"] } };
const onlySh: JsonObject = { tools: ["sh"], write: { allow: ["out/**"] } };
const onlyNode: JsonObject = { tools: ["node"], write: { allow: ["out/**"] } };
const offline: JsonObject = { network: "deny" };

const sh = (text: string) => ({ run: ["sh", "-c", text] });
const node = (text: string) => ({ run: ["node", "-e", text] });

function write(name: string, text: string | ((p: Places) => string), more: Partial<Escape> = {}): Escape {
  const step = (p: Places): JsonObject => sh(typeof text === "string" ? text : text(p));
  return { name, worked: "kept", step, policy: writes, observed: "detected", prevented: "stopped", ...more };
}

const other = (path: string): Partial<Escape> => ({ worked: "other", path: () => path });
const elsewhere: Partial<Escape> = { worked: "outside", observed: "unseen" };

const writeEscapes: readonly Escape[] = [
  write("an absolute path outside of the folder", (p) => `echo x > ${p.outside}/f`, elsewhere),
  write("a path with ..", (p) => `echo x > ../${p.outside.split("/").at(-1)}/f`, elsewhere),
  write("a name beside the allowed folder", "echo x > new.txt", other("new.txt")),
  write("out of the allowed folder by ..", "echo x > out/../new.txt", other("new.txt")),
  write("a link in the allowed folder to a file outside of it", "ln -s ../kept.txt out/l; echo x > out/l"),
  write("a link in the allowed folder to another place", (p) => `ln -s ${p.outside} out/l; echo x > out/l/f`, { worked: "outside" }),
  write("the allowed folder swapped for a link", "mv out was && ln -s . out && echo x > out/kept.txt"),
  write("the allowed folder swapped for a link to another place", (p) => `rm -r out; ln -s ${p.outside} out; echo x > out/f`, { worked: "outside" }),
  write("a hardlink to a file of the folder", "ln kept.txt out/h && echo x >> out/h"),
  write("a hardlink to a file elsewhere", (p) => `ln ${p.outside}/there out/h && echo x > out/h && mv out/h ${p.outside}/f`, elsewhere),
  write("/proc/self/fd of a file opened to read", "exec 3<kept.txt; echo x > /proc/self/fd/3"),
  write("/proc/self/cwd", "echo x > /proc/self/cwd/kept.txt"),
  write("/proc/self/root", (p) => `echo x > /proc/self/root${p.dir}/kept.txt`),
  write("/proc/<parent>/root", (p) => `echo x > /proc/$PPID/root${p.dir}/kept.txt`),
  write("/proc/<parent>/cwd", (p) => `echo x > /proc/$PPID/cwd/${p.token}`, { worked: "other", path: (p) => `${p.root}/${p.token}`, observed: "unseen" }),
  write("a descriptor opened to read and write", "exec 3<>kept.txt; echo x >&3"),
  write("another working directory first", (p) => `cd / && echo x > ${p.dir}/kept.txt`),
  write("a rename over a file", "echo x > out/t && mv out/t kept.txt"),
  write("truncation", ": > kept.txt"),
  write("other permissions", "chmod 700 kept.txt"),
  write("another time", "touch -d 2001-01-01 kept.txt"),
  write("the same size and the old times", "", {
    step: () => node("const fs=require('fs');const s=fs.statSync('kept.txt');fs.writeFileSync('kept.txt','KEPT\\n');fs.utimesSync('kept.txt',s.atime,s.mtime)"),
  }),
  write("a copy over a file", "", { step: () => node("require('fs').copyFileSync('script.sh','kept.txt')") }),
  write("deletion", "rm kept.txt"),
  write("a folder replaced by a link", "rm -r sub && ln -s /etc sub", other("sub/passwd")),
  write("a new folder", "mkdir extra", other("extra")),
  write("a file that is removed again", (p) => `echo x > new.txt && cat new.txt > out/proof && rm new.txt; echo ${p.token}`, {
    worked: "proof",
    observed: "unseen",
  }),
  write("a write by a command that fails", "echo x > kept.txt; exit 3"),
  write("a write by a command that is ended", "echo x > kept.txt; sleep 30", { step: () => ({ ...sh("echo x > kept.txt; sleep 30"), timeout: "300ms" }) }),
  write("a name that differs in case", "mkdir OUT && echo x > OUT/f", other("OUT/f")),
  write("a name with brackets", "echo x > '[o]ut'", other("[o]ut")),
  write("a name that begins with a dot", "echo x > .out", other(".out")),
  write("a name with a line break", "echo x > 'out\n'", other("out\n")),
  write("a name with a letter that looks alike", "mkdir \u043eut && echo x > \u043eut/f", other("\u043eut/f")),
  write("a name with a star", "echo x > '*'", other("*")),
  write("a name that ends in a space", "mkdir 'out ' && echo x > 'out /f'", other("out /f")),
  write("a line break before a denied ending", "echo x > 'out/a\nb.key'", {
    ...other("out/a\nb.key"),
    policy: { write: { allow: ["out/**"], deny: ["**/*.key"] } },
    prevented: "detected",
  }),
  write("a denied folder in the allowed one", "echo x > out/held/f", {
    ...other("out/held/f"),
    policy: { write: { allow: ["out/**"], deny: ["out/held/**"] } },
  }),
  write("a denied folder moved away", "mv out/held out/was && echo x > out/was/f", {
    ...other("out/was/f"),
    policy: { write: { allow: ["out/**"], deny: ["out/held/**"] } },
  }),
  write("a denied folder that is made first", "mkdir out/later && echo x > out/later/f", {
    ...other("out/later/f"),
    policy: { write: { allow: ["out/**"], deny: ["out/later/**"] } },
    prevented: "detected",
  }),
  write("a file beside the one that is allowed", "echo x > out/b.txt", {
    ...other("out/b.txt"),
    policy: { write: { allow: ["out/a.txt"] } },
    prevented: "detected",
  }),
  write("what one layer allows and another does not", "echo x > out/b.txt", {
    ...other("out/b.txt"),
    policy: { write: { allow: ["out/**"], deny: ["out/b.txt"] } },
    prevented: "detected",
  }),
  write("Lily's folder", (p) => `echo x > ${p.workspace}/${p.token}`, { worked: "other", path: (p) => `${p.workspace}/${p.token}`, observed: "unseen" }),
  write("a folder that is called as Lily's", "mkdir .LILY && echo x > .LILY/f", other(".LILY/f")),
  write("the script that runs", "", { step: () => ({ run: ["sh", "script.sh"] }), worked: "other", path: () => "was-run" }),
  write("lily.yaml", "echo x > lily.yaml", other("lily.yaml")),
  write("what another step made, where both may write", "echo x > out/theirs.json", { ...other("out/theirs.json"), observed: "unseen", prevented: "unseen" }),
  write("/tmp", (p) => `echo x > /tmp/${p.token}`, { worked: "other", path: (p) => `/tmp/${p.token}`, observed: "unseen" }),
  write("the home folder", (p) => `echo x > $HOME/${p.token}`, { worked: "other", path: (p) => `${p.home}/${p.token}`, observed: "unseen" }),
  write("/dev/shm", (p) => `echo x > /dev/shm/${p.token}`, { worked: "other", path: (p) => `/dev/shm/${p.token}`, observed: "unseen" }),
  write("a pipe in the allowed folder", "mkfifo out/p", { ...other("out/p"), prevented: "unseen" }),
  write("a link that is left in the allowed folder", "ln -s /etc/passwd out/l", { ...other("out/l"), prevented: "unseen" }),
  write("a large file with holes", "truncate -s 20M out/big", { ...other("out/big"), policy: { ...writes, diff_max: "1MB" }, prevented: "detected" }),
  write("many small files", "i=0; while [ $i -lt 60 ]; do echo 0123456789 > out/$i; i=$((i+1)); done", {
    ...other("out/59"),
    policy: { ...writes, diff_max: 500 },
    prevented: "detected",
  }),
  write("growth of a file that was there", "echo 0123456789 >> out/theirs.json", {
    ...other("out/theirs.json"),
    policy: { ...writes, diff_max: 4 },
    prevented: "detected",
  }),
];

const process = (name: string, text: (p: Places) => string, more: Partial<Escape> = {}): Escape => ({
  name,
  worked: "process",
  step: (p) => sh(text(p)),
  policy: writes,
  observed: "stopped",
  prevented: "stopped",
  ...more,
});

const processEscapes: readonly Escape[] = [
  process("a child that goes on when its parent has ended", (p) => `sh -c 'sleep 60; echo ${p.token} > kept.txt' &`),
  process("a child in a session of its own", (p) => `setsid sh -c 'sleep 60; echo ${p.token} > kept.txt' &`),
  process("a child of a child", (p) => `(sh -c 'sleep 60; echo ${p.token} > kept.txt' &) & exit 0`),
  process("a child that ignores being ended", (p) => `sh -c 'trap "" TERM HUP INT; sleep 60; echo ${p.token}' & exit 0`),
  process("a child without environment", (p) => `env -i sh -c 'sleep 60; echo ${p.token}' & exit 0`),
  process("a child without environment and parent, in a session of its own", (p) => `(env -i setsid sh -c 'sleep 60; echo ${p.token}' &) & exit 0`, {
    observed: "race",
  }),
];

function tool(name: string, step: JsonObject | ((p: Places) => JsonObject), more: Partial<Escape> = {}): Escape {
  return { name, worked: "proof", step: typeof step === "function" ? step : () => step, policy: onlySh, observed: "refused", prevented: "refused", ...more };
}

const started = { observed: "unseen", prevented: "stopped" } as const;
const loader = "/lib64/ld-linux-x86-64.so.2";

const toolEscapes: readonly Escape[] = [
  tool("another program by name", { run: ["touch", "out/proof"] }),
  tool("another program by its path", { run: ["/usr/bin/touch", "out/proof"] }),
  tool("a copy under an allowed name", { run: ["./sh", "out/proof"] }),
  tool("a copy under another name", { run: ["./copied", "out/proof"] }),
  tool("a link under an allowed name", { run: ["./bin/sh", "out/proof"] }),
  tool("a path with .. to another program", { run: ["../../../../../../../../usr/bin/touch", "out/proof"] }),
  tool("a script that names another program in its first line", { run: ["./first-line", "out/proof"] }),
  tool(
    "an allowed script that names another program in its first line",
    { run: ["./first-line", "out/proof"] },
    { policy: { write: { allow: ["out/**", "first-line"] }, tools: ["./first-line"] }, ...started },
  ),
  tool("another PATH", { run: ["sh", "out/proof"], env: { PATH: "./bin" } }),
  tool("an empty entry of PATH", { run: ["sh", "out/proof"], env: { PATH: ":" } }),
  tool("env", { run: ["env", "touch", "out/proof"] }),
  tool("a shell text where no shell is allowed", { shell: "touch out/proof" }, { policy: onlyNode }),
  tool("the loader as a program", { run: [loader, "/usr/bin/touch", "out/proof"] }),
  tool("no program at all", { run: ["sh", "-c", "touch out/proof"] }, { policy: { tools: [] } }),
  tool("sh -c with another program", sh("touch out/proof"), started),
  tool("sh -c with the path of another program", sh("/usr/bin/touch out/proof"), started),
  tool("exec of another program", sh("exec touch out/proof"), started),
  tool("env within a shell", sh("/usr/bin/env touch out/proof"), started),
  tool("the loader within a shell", sh(`${loader} /usr/bin/touch out/proof`), started),
  tool("a program copied by an allowed one", sh("cp /usr/bin/touch out/t; out/t out/proof"), { policy: { ...writes, tools: ["sh", "cp"] }, ...started }),
  tool("a program that lies in the folder", sh("./copied out/proof"), { observed: "unseen", prevented: "unseen" }),
  tool("a program started by an interpreter", node("require('child_process').execFileSync('touch',['out/proof'])"), { policy: onlyNode, ...started }),
  tool("an interpreter flag", node("require('fs').writeFileSync('out/proof','x')"), { policy: onlyNode, observed: "unseen", prevented: "unseen" }),
  tool(
    "a program with many names under another of them",
    { run: ["./many", "-e", "require('fs').writeFileSync('out/proof','x')"] },
    { policy: onlyNode, observed: "unseen", prevented: "unseen" },
  ),
  tool(
    "NODE_OPTIONS",
    { run: ["node", "good.cjs"], env: { NODE_OPTIONS: "--require ./evil.cjs" } },
    { policy: onlyNode, observed: "unseen", prevented: "unseen" },
  ),
  tool(
    "NODE_OPTIONS that no list allows",
    { run: ["node", "good.cjs"], env: { NODE_OPTIONS: "--require ./evil.cjs" } },
    { policy: { ...onlyNode, env_allow: [] } },
  ),
  tool("LD_PRELOAD", { ...sh("echo x > out/proof"), env: { LD_PRELOAD: "./evil.so" } }, { policy: { ...onlySh, env_allow: ["TZ"] } }),
  tool("a variable of the caller", { ...sh("echo $CANARY > out/proof"), env_from: ["CANARY"] }, { policy: { ...writes, env_allow: ["TZ"] } }),
  tool("variables of the caller by pattern", { ...sh("echo $CANARY > out/proof"), env_from: ["CAN*"] }, { policy: { ...writes, env_allow: ["CANARY"] } }),
  tool("a secret of the caller", { ...sh("echo x > out/proof"), secrets: ["CANARY"] }, { policy: { ...writes, env_allow: ["TZ"] } }),
  tool("a variable that nobody names", sh('[ -n "$CANARY" ] && echo x > out/proof'), { policy: writes, observed: "stopped", prevented: "stopped" }),
  tool("the environment of Lily's process", sh("tr '\\0' '\\n' < /proc/$PPID/environ | grep -q '^VITEST' && echo x > out/proof"), {
    policy: writes,
    ...started,
  }),
  tool("the key of the workspace", (p) => sh(`cat ${p.dataHome}/lily/keys/* > /dev/null && echo x > out/proof`), { policy: writes, ...started }),
  tool("the records", (p) => sh(`ls ${p.workspace}/runs/* > /dev/null && echo x > out/proof`), { policy: writes, ...started }),
];

function contact(name: string, text: (p: Places) => string, more: Partial<Escape> = {}): Escape {
  return { name, worked: "contact", step: (p) => node(text(p)), policy: offline, observed: "unseen", prevented: "stopped", ...more };
}

const quiet = "process.on('uncaughtException',()=>process.exit(0));";
const networkEscapes: readonly Escape[] = [
  contact("IPv4", (p) => `${quiet}require('net').connect(${p.port},'127.0.0.1').on('connect',()=>process.exit(0))`),
  contact("IPv4 by a name", (p) => `${quiet}require('net').connect(${p.port},'localhost').on('connect',()=>process.exit(0))`),
  contact("IPv6", (p) => `${quiet}require('net').connect(${p.port6},'::1').on('connect',()=>process.exit(0))`),
  contact(
    "a name server",
    (p) => `const r=new (require('dns').Resolver)({timeout:200,tries:1});r.setServers(['127.0.0.1:${p.dnsPort}']);r.resolve4('lily.test',()=>process.exit(0))`,
  ),
  contact("a socket of the file system", (p) => `${quiet}require('net').connect('${p.outside}/s').on('connect',()=>process.exit(0))`),
  contact("a socket without a file", (p) => `${quiet}require('net').connect('\\0lily-${p.token}').on('connect',()=>process.exit(0))`),
  contact(
    "the proxy of the caller",
    (p) => `${quiet}const u=process.env.HTTP_PROXY;if(u)require('net').connect(${p.port},'127.0.0.1').on('connect',()=>process.exit(0))`,
    { observed: "stopped" },
  ),
  contact(
    "a descriptor of Lily's process",
    () =>
      `${quiet}const fs=require('fs');for(let i=3;i<64;i++)try{if(fs.fstatSync(i).isSocket()&&!fs.readlinkSync('/proc/self/fd/'+i).includes('anon'))fs.writeSync(i,'x')}catch{}`,
    { observed: "stopped" },
  ),
];

export const escapes: readonly Escape[] = [...writeEscapes, ...processEscapes, ...toolEscapes, ...networkEscapes];
