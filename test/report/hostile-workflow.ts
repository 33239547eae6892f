import { flow, sh } from "../runtime/bed.ts";

/** A run with everything that is out of the ordinary: a gate that fails, a route, a failed optional gate, effects, hostile texts. */
const hostile = "</script><script>globalThis.pwned = 1</script> \u001b[31mred \u202eesrever <img src=x onerror=alert(1)>";
export const hostileWorkflow = flow(
  {
    clean: sh('echo "$ROUTE" > out.txt; printf "</script>\\033[31m%s" "$ROUTE"', {
      title: hostile,
      env: { ROUTE: "${route}" },
      outputs: { table: { path: "out.txt" } },
      effects: [{ category: "network", description: `calls ${hostile}`, reversible: false, hint: "write to them" }],
      gates: [{ id: "rows", run: ["sh", "-c", 'printf "%s\\n" "</script><b>845 days"; grep -q repair out.txt'] }],
    }),
    report: sh("cat out.txt", { needs: ["clean"], gates: [{ id: "nice", required: false, run: ["sh", "-c", "exit 1"] }] }),
  },
  { title: "Weather & <more>", routes: [{ id: "repair", when: { gate: "rows", status: "failed" }, do: { goto: "clean", max: 1 } }] },
);
