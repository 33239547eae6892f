/** Three steps, two outputs, a gate after a step and one after the run: every kind of event of a run that goes well. */
export const smallWorkflow = `workflow: small
version: 1
workdir: isolated
steps:
  make:
    run: [sh, -c, "printf '{\\"rows\\": 3}' > made.json; echo made"]
    outputs: { made: { path: made.json } }
  use:
    needs: [make]
    run: [sh, -c, 'cat "$1" > used.json', sh, "\${steps.make.outputs.made}"]
    outputs: { used: { path: used.json } }
    gates:
      - { id: there, run: [test, -s, "\${steps.use.outputs.used}"] }
  wait:
    run: [sleep, "0.01"]
gates:
  - { id: last, run: ["true"] }
`;
