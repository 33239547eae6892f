import { expect, it } from "vitest";
import type { ChangeObservers, ChangeReport } from "../ports/change-observer.ts";

/** A folder that a case fills, and observers over it. */
export interface ChangeObserverBed {
  readonly observers: ChangeObservers;
  /** The same with room for so few entries. */
  limited(entriesMax: number): ChangeObservers;
  /** Absolute; exists and is empty. */
  readonly root: string;
  write(path: string, content: string): void;
  makeFolder(path: string): void;
  link(path: string, target: string): void;
  /** A FIFO or another thing that is neither file, folder nor link. */
  special(path: string): void;
  remove(path: string): void;
}

const told = ({ changes }: ChangeReport): readonly string[] => changes.map(({ change, kind, path, size }) => `${change} ${kind} ${path} ${size}`);

/** What every change observer promises. `open` makes a fresh bed for each case. */
export function changeObserverConformance(open: () => Promise<ChangeObserverBed>): void {
  const observed = async (fill: (bed: ChangeObserverBed) => void = () => undefined, hidden: readonly string[] = []) => {
    const bed = await open();
    fill(bed);
    const observer = await bed.observers.observe(bed.root, { hidden: hidden.map((path) => `${bed.root}/${path}`) });
    return { bed, observer };
  };
  /** What a window tells about these changes. */
  const during = async (fill: (bed: ChangeObserverBed) => void, change: (bed: ChangeObserverBed) => void, hidden: readonly string[] = []) => {
    const { bed, observer } = await observed(fill, hidden);
    const window = await observer.open();
    change(bed);
    const report = await window.close();
    await observer.end();
    return told(report);
  };

  it("a window in which nothing happened tells nothing", async () => {
    expect(
      await during(
        (bed) => bed.write("a/b", "x"),
        () => undefined,
      ),
    ).toEqual([]);
  });

  it("what was added, changed and removed is told by kind and size, sorted by path", async () => {
    const fill = (bed: ChangeObserverBed): void => {
      bed.write("changed", "before");
      bed.write("removed", "x");
      bed.write("stays", "x");
      bed.write("folder/removed", "xyz");
      bed.link("old-link", "stays");
      bed.makeFolder("empty");
    };
    const change = (bed: ChangeObserverBed): void => {
      bed.write("changed", "after!!");
      bed.remove("removed");
      bed.remove("folder");
      bed.remove("old-link");
      bed.remove("empty");
      bed.write("deep/er/added", "1234");
      bed.link("new-link", "stays");
      bed.special("pipe");
    };
    expect(await during(fill, change)).toEqual([
      "changed file changed 7",
      "added directory deep 0",
      "added directory deep/er 0",
      "added file deep/er/added 4",
      "removed directory empty 0",
      "removed directory folder 0",
      "removed file folder/removed 0",
      "added link new-link 0",
      "removed link old-link 0",
      "added special pipe 0",
      "removed file removed 0",
    ]);
  });

  it("a path is told once, as what became of it in all", async () => {
    const fill = (bed: ChangeObserverBed): void => {
      bed.write("again", "x");
      bed.write("twice", "x");
    };
    const change = (bed: ChangeObserverBed): void => {
      bed.write("passing", "x");
      bed.remove("passing");
      bed.write("passing-folder/x", "x");
      bed.remove("passing-folder");
      bed.remove("again");
      bed.write("again", "other");
      bed.write("twice", "y");
      bed.write("twice", "yy");
    };
    expect(await during(fill, change)).toEqual(["changed file again 5", "changed file twice 2"]);
  });

  it("a change of kind is a change, with what came or went below it", async () => {
    const fill = (bed: ChangeObserverBed): void => {
      bed.write("was-file", "x");
      bed.write("was-folder/in", "x");
      bed.write("was-folder-too/in", "x");
      bed.link("was-link", "was-file");
    };
    const change = (bed: ChangeObserverBed): void => {
      for (const path of ["was-file", "was-folder", "was-folder-too", "was-link"]) bed.remove(path);
      bed.write("was-file/in", "xy");
      bed.write("was-folder", "x");
      bed.link("was-folder-too", "/etc");
      bed.write("was-link", "xyz");
    };
    expect(await during(fill, change)).toEqual([
      "changed directory was-file 0",
      "added file was-file/in 2",
      "changed file was-folder 1",
      "changed link was-folder-too 0",
      "removed file was-folder-too/in 0",
      "removed file was-folder/in 0",
      "changed file was-link 3",
    ]);
  });

  it("no link is followed, in the folder or out of it", async () => {
    const fill = (bed: ChangeObserverBed): void => {
      bed.write("real/file", "x");
      bed.link("dir-link", "real");
      bed.link("outside", "/etc");
      bed.link("self", "self");
    };
    expect(await during(fill, (bed) => bed.write("real/file", "xx"))).toEqual(["changed file real/file 2"]);
  });

  it("S7: hidden folders are left out, and nothing else with them", async () => {
    const fill = (bed: ChangeObserverBed): void => {
      bed.write(".lily/record", "x");
      bed.write("a/.lily/record", "x");
      bed.write(".lily2", "x");
    };
    const change = (bed: ChangeObserverBed): void => {
      bed.write(".lily/record", "xx");
      bed.write(".lily/new/file", "x");
      bed.write("a/.lily/record", "xx");
      bed.write(".lily2", "xx");
      bed.write(".lilyx/file", "x");
    };
    expect(await during(fill, change, [".lily"])).toEqual([
      "changed file .lily2 2",
      "added directory .lilyx 0",
      "added file .lilyx/file 1",
      "changed file a/.lily/record 2",
    ]);
  });

  it("what happens between two windows is in none", async () => {
    const { bed, observer } = await observed((made) => made.write("file", "x"));
    const first = await observer.open();
    bed.write("in-first", "x");
    expect(told(await first.close())).toEqual(["added file in-first 1"]);
    bed.write("between", "x");
    bed.write("file", "xx");
    const second = await observer.open();
    bed.write("between", "xx");
    expect(told(await second.close())).toEqual(["changed file between 2"]);
    await observer.end();
  });

  it("what is in a folder that came during an earlier window is told", async () => {
    const { bed, observer } = await observed();
    const first = await observer.open();
    bed.write("new/folder/file", "x");
    await first.close();
    const second = await observer.open();
    bed.write("new/folder/file", "xx");
    bed.write("new/folder/other", "x");
    expect(told(await second.close())).toEqual(["changed file new/folder/file 2", "added file new/folder/other 1"]);
    const third = await observer.open();
    bed.remove("new");
    bed.write("new/folder/file", "x");
    expect(told(await third.close())).toContain("changed file new/folder/file 1");
    await observer.end();
  });

  it("windows that are open at once tell all that changed while they were open, whoever noticed it first", async () => {
    const { bed, observer } = await observed((made) => made.write("first", "x"));
    const a = await observer.open();
    bed.write("first", "xx");
    const b = await observer.open();
    bed.write("second", "x");
    const c = await observer.open();
    bed.write("third", "x");
    expect(told(await a.close())).toEqual(["changed file first 2", "added file second 1", "added file third 1"]);
    bed.write("fourth", "x");
    bed.remove("third");
    expect(told(await c.close())).toEqual(["added file fourth 1"]);
    expect(told(await b.close())).toEqual(["added file fourth 1", "added file second 1"]);
    await observer.end();
  });

  it("many windows that are opened and closed at the same moment agree", async () => {
    const { bed, observer } = await observed((made) => made.write("file", "x"));
    const windows = await Promise.all(Array.from({ length: 8 }, () => observer.open()));
    bed.write("file", "xx");
    const reports = await Promise.all(windows.map((window) => window.close()));
    for (const report of reports) expect(told(report)).toEqual(["changed file file 2"]);
    await observer.end();
  });

  it("INPUT_NOT_FOUND: a root that is not there, or is no folder", async () => {
    const bed = await open();
    bed.write("file", "x");
    for (const path of ["absent", "file"]) {
      await expect(bed.observers.observe(`${bed.root}/${path}`, { hidden: [] })).rejects.toMatchObject({ code: "INPUT_NOT_FOUND" });
    }
  });

  it("INPUT_TOO_LARGE: more entries than are compared, from the start or in a window; what fits again is told", async () => {
    const bed = await open();
    bed.write("a", "x");
    bed.write("b", "x");
    await expect((await bed.limited(1).observe(bed.root, { hidden: [] })).open()).rejects.toMatchObject({ code: "INPUT_TOO_LARGE" });
    const observer = await bed.limited(3).observe(bed.root, { hidden: [] });
    const [window, other] = [await observer.open(), await observer.open()];
    for (const name of ["c", "d", "e"]) bed.write(name, "x");
    await expect(window.close()).rejects.toMatchObject({ code: "INPUT_TOO_LARGE" });
    for (const name of ["a", "d", "e"]) bed.remove(name);
    expect(told(await other.close())).toEqual(["removed file a 0", "added file c 1"]);
    await observer.end();
  });

  it("ending twice is ending once, and a window that is still open tells the truth", async () => {
    const { bed, observer } = await observed((made) => made.write("file", "x"));
    const window = await observer.open();
    bed.write("file", "xx");
    await observer.end();
    await observer.end();
    expect(told(await window.close())).toEqual(["changed file file 2"]);
  });
}
