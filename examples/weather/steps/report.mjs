/** `report.mjs SUMMARY OUT`: the figures of a year as a page that people read. */
import { readFileSync, writeFileSync } from "node:fs";
import process from "node:process";

const [summaryFile = "", outFile = ""] = process.argv.slice(2);
const { year, days, dry_days, precipitation_mm, hottest, coldest, wettest } = JSON.parse(readFileSync(summaryFile, "utf8"));

const page = `# Seattle weather, ${year}

| what | figure | when |
| --- | --- | --- |
| days | ${days} | all year |
| days without rain or snow | ${dry_days} | |
| rain and snow | ${precipitation_mm} mm | all year |
| wettest day | ${wettest.mm} mm | ${wettest.date} |
| hottest day | ${hottest.celsius} °C | ${hottest.date} |
| coldest day | ${coldest.celsius} °C | ${coldest.date} |
`;
writeFileSync(outFile, page);
process.stdout.write(page);
