import { defineModule } from "lily-kernel";
import { z } from "zod";

const day = z.object({
  date: z.iso.date(),
  weather: z.string(),
  precipitation: z.number(),
  temp_max: z.number(),
  temp_min: z.number(),
});
type Day = z.infer<typeof day>;

/** A sum of readings with one decimal, without the noise of binary fractions. */
function sumTenths(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + Math.round(value * 10), 0) / 10;
}

function extreme(days: readonly Day[], isBetter: (one: Day, best: Day) => boolean): Day {
  return days.reduce((best, one) => (isBetter(one, best) ? one : best));
}

export const summarise = defineModule({
  name: "weather.summarise",
  version: "1.0.0",
  input: z.object({ table: z.object({ days: z.array(day) }), year: z.int() }),
  output: { summary: z.looseObject({ year: z.int(), days: z.int().positive() }) },
  run(context, { table, year }) {
    const days = table.days.filter((one) => one.date.startsWith(`${year}-`));
    if (days.length === 0) throw new Error(`the table has no day of ${year}`);
    context.log(`${days.length} days of ${year}`);
    const hottest = extreme(days, (one, best) => one.temp_max > best.temp_max);
    const coldest = extreme(days, (one, best) => one.temp_min < best.temp_min);
    const wettest = extreme(days, (one, best) => one.precipitation > best.precipitation);
    return {
      summary: {
        year,
        days: days.length,
        dry_days: days.filter((one) => one.precipitation === 0).length,
        precipitation_mm: sumTenths(days.map((one) => one.precipitation)),
        hottest: { date: hottest.date, celsius: hottest.temp_max },
        coldest: { date: coldest.date, celsius: coldest.temp_min },
        wettest: { date: wettest.date, mm: wettest.precipitation },
      },
    };
  },
});
