/**
 * Power cuts on a real file system. An ext4 image lies on tmpfs and is mounted through a loop device; the writer is stopped, the image as
 * the device has it is copied, the copy is mounted and checked. What the writer had only in the page cache is not in the copy. Half of the
 * cuts come right behind an acknowledgement, where a missing sync shows every time. Mounts live in a mount namespace of their own.
 */
import { execFileSync, spawn } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { hasPython, PythonChecker } from "../checker/python-checker.ts";
import { Random } from "../sim/random.ts";
import { checkAcknowledged } from "./acknowledged.ts";
import { casesOf, type Figure, type FigureOptions, type FigureResult, inScratch, Violations } from "./figure.ts";
import { firstMissing, hasCommand, isLinux, isRoot } from "./prerequisites.ts";
import { WriterProcess } from "./writer-process.ts";

const memoryFolder = "/dev/shm";
const cutsPerWriter = 30;

export const powerCut: Figure = {
  name: "power-cut",
  promise: "L2: no acknowledged event or object is lost by a power cut",
  missing: () =>
    firstMissing(
      [isLinux, "Linux is needed"],
      [isRoot(), "root is needed to mount"],
      [existsSync("/dev/loop-control"), "loop devices are needed"],
      [existsSync(memoryFolder), `${memoryFolder} is needed`],
      [hasCommand("mkfs.ext4"), "mkfs.ext4 is needed"],
      [hasCommand("unshare"), "unshare is needed"],
    ),
  run: inOwnNamespace,
};

/** The same figure in a child whose mounts end with it, whatever happens. */
function inOwnNamespace(options: FigureOptions): Promise<FigureResult> {
  return new Promise((resolve, reject) => {
    const child = spawn("unshare", ["--mount", "--propagation", "private", process.execPath, import.meta.filename, JSON.stringify(options)], {
      stdio: ["ignore", "inherit", "inherit", "ipc"],
    });
    let result: FigureResult | null = null;
    child.on("message", (message: FigureResult) => {
      result = message;
    });
    child.on("close", (code) => (result === null ? reject(new Error(`the power cuts ended with ${code}`)) : resolve(result)));
    child.on("error", reject);
  });
}

async function cutPower(options: FigureOptions): Promise<FigureResult> {
  const cuts = casesOf(options, 60, 5_000);
  const violations = new Violations();
  const python = hasPython() ? new PythonChecker() : null;
  await inScratch(async (dir) => {
    for (let done = 0, part = 0; done < cuts && violations.count < 20; part++) {
      const seed = options.seed * 100_000 + part;
      done += await cutOneDisk(join(dir, `disk-${part}`), seed, Math.min(cutsPerWriter, cuts - done), violations, python);
    }
  }, memoryFolder);
  python?.close();
  return { n: cuts, violations: violations.texts, note: "ext4 on a loop device, half of the cuts right behind an acknowledgement" };
}

/** One image, one long-lived writer, several cuts. Answers how many. */
async function cutOneDisk(dir: string, seed: number, cuts: number, violations: Violations, python: PythonChecker | null): Promise<number> {
  const random = new Random(seed);
  const image = join(dir, "image");
  const live = join(dir, "live");
  const seconds = random.pick([1, 5, 300]);
  mkdirSync(live, { recursive: true });
  execFileSync("truncate", ["-s", "48M", image]);
  execFileSync("mkfs.ext4", ["-q", "-F", "-E", "lazy_itable_init=0,lazy_journal_init=0", image]);
  execFileSync("mount", ["-o", `loop,commit=${seconds}`, image, live]);
  const mode = seed % 2 === 0 ? "ack" : "free";
  const writer = new WriterProcess(join(live, "ws"), seed, mode);
  let objectsSeen = 0;
  let done = 0;
  try {
    await writer.until(() => writer.acknowledged.ready);
    for (; done < cuts; done++) {
      await (mode === "ack" ? nextRounds(writer, random) : delay(random.below(12)));
      await writer.freeze();
      await writer.drained();
      copyFileSync(image, `${image}-copy`);
      const acknowledged = writer.acknowledged.copy();
      writer.thaw();
      const name = `cut ${done} of seed ${seed} (${mode}, commit=${seconds})`;
      const from = objectsSeen;
      await violations.try(name, () => checkCopy(dir, { acknowledged, objectsFrom: Math.max(0, from - 5), python: done % 10 === 0 ? python : null }));
      objectsSeen = acknowledged.objects.length;
    }
  } catch (thrown) {
    violations.add(`seed ${seed}: ${thrown instanceof Error ? thrown.message : String(thrown)}`);
    done = cuts;
  } finally {
    await writer.kill();
    execFileSync("umount", [live]);
    rmSync(dir, { recursive: true, force: true });
  }
  return done;
}

async function nextRounds(writer: WriterProcess, random: Random): Promise<void> {
  for (let rounds = 1 + random.below(2); rounds > 0; rounds--) {
    const due = writer.acknowledged.rounds + 1;
    writer.next();
    await writer.until(() => writer.acknowledged.rounds >= due);
  }
}

async function checkCopy(dir: string, options: Omit<Parameters<typeof checkAcknowledged>[0], "dir">): Promise<void> {
  const copy = join(dir, "copy");
  mkdirSync(copy, { recursive: true });
  execFileSync("mount", ["-o", "loop", join(dir, "image-copy"), copy]);
  try {
    await checkAcknowledged({ ...options, dir: join(copy, "ws") });
  } finally {
    execFileSync("umount", [copy]);
  }
}

if (process.argv[1] === import.meta.filename) {
  const options: FigureOptions = JSON.parse(process.argv[2] ?? "{}");
  const result = await cutPower(options);
  process.send?.(result, () => process.disconnect?.());
}
