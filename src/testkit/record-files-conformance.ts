import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { parseRunId, parseStreamId, runStream, workspaceStream } from "../contracts/ids.ts";
import type { RecordFiles } from "../ports/record-files.ts";

export interface RecordFilesSubject {
  readonly files: RecordFiles;
  /** Another process's view of the same files. */
  another(): Promise<RecordFiles>;
  end(): Promise<void>;
}

const stream = runStream(parseRunId("run-a"));
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const text = (read: Uint8Array): string => new TextDecoder().decode(read);

/** What every RecordFiles must do. */
export function recordFilesConformance(name: string, make: () => Promise<RecordFilesSubject>): void {
  describe(`RecordFiles: ${name}`, () => {
    let subject: RecordFilesSubject;
    beforeEach(async () => {
      subject = await make();
    });
    afterEach(() => subject.end());

    it("has nothing before the first write", async () => {
      expect(await subject.files.size(stream)).toBe(0);
      expect(await subject.files.read(stream, 0, 10)).toHaveLength(0);
      expect(await subject.files.list()).toEqual([]);
    });

    it("writes at offsets, the same bytes any number of times", async () => {
      const { files } = subject;
      await files.writeAt(stream, 0, bytes("first\n"));
      await files.writeAt(stream, 6, bytes("second\n"));
      await files.writeAt(stream, 0, bytes("first\n"));
      await files.sync([stream]);
      expect(await files.size(stream)).toBe(13);
      expect(text(await files.read(stream, 0, 100))).toBe("first\nsecond\n");
      expect(text(await files.read(stream, 6, 6))).toBe("second");
      expect(await files.read(stream, 13, 5)).toHaveLength(0);
    });

    it("keeps one file a stream, and lists them", async () => {
      const { files } = subject;
      const directive = parseStreamId("directive/d-1");
      for (const of of [stream, directive, workspaceStream]) await files.writeAt(of, 0, bytes(`${of}\n`));
      await files.sync([stream, directive, workspaceStream]);
      expect(await files.list()).toEqual([directive, stream, workspaceStream]);
      expect(text(await files.read(directive, 0, 100))).toBe("directive/d-1\n");
      expect(files.displayPath(stream)).toBe("runs/run-a/record.jsonl");
      expect(new Set([stream, directive, workspaceStream].map((of) => files.displayPath(of))).size).toBe(3);
    });

    it("shows writes to other processes", async () => {
      const another = await subject.another();
      await subject.files.writeAt(stream, 0, bytes("mine\n"));
      await another.writeAt(stream, 5, bytes("theirs\n"));
      expect(text(await subject.files.read(stream, 0, 100))).toBe("mine\ntheirs\n");
      await another.sync([stream]);
      expect(text(await another.read(stream, 0, 100))).toBe("mine\ntheirs\n");
      await another.close();
    });

    it("L4: sets bytes aside: copied first, then cut", async () => {
      const { files } = subject;
      await files.writeAt(stream, 0, bytes("good\ntorn"));
      const aside = await files.setAside(stream, 5);
      expect(text(aside.bytes)).toBe("torn");
      expect(aside.name).toMatch(/^quarantine\/run\.run-a\.5\.[0-9a-f]{16}$/);
      expect(text(await files.read(stream, 0, 100))).toBe("good\n");
      await files.writeAt(stream, 5, bytes("torn"));
      expect((await files.setAside(stream, 5)).name).toBe(aside.name);
    });

    it("serves more streams than it keeps open", async () => {
      const { files } = subject;
      const streams = Array.from({ length: 300 }, (_, index) => runStream(parseRunId(`many-${index}`)));
      for (const of of streams) await files.writeAt(of, 0, bytes(`${of}\n`));
      await files.sync(streams);
      for (const of of streams) expect(text(await files.read(of, 0, 100))).toBe(`${of}\n`);
      await files.close();
    });
  });
}
