// Endless output. Usage: flood.mjs yes|line|binary
const kinds = { yes: "y\n".repeat(32_768), line: "x".repeat(65_536), binary: Buffer.from(Array.from({ length: 65_536 }, (_, i) => (i * 31) & 0xff)) };
const block = kinds[process.argv[2]];
const more = () => {
  while (process.stdout.write(block));
  process.stdout.once("drain", more);
};
more();
