/** Texts of help that stricli does not make: the overview and the global flags. */

export const globalFlagsText = `
GLOBAL FLAGS, before or after the command
     --workspace DIR  The .lily folder to use; default: LILY_WORKSPACE, else searched from here upwards
     --json           One JSON document on stdout, everything else on stderr
     --quiet          No progress and no remarks
     --no-color       No colours (also NO_COLOR)
  -h --help           This text
     --version        Version of Lily
`;

export const overviewText = `lily runs work that must be provable: every step, file and verdict lands in a record that a stranger can check.

TRY THIS FIRST, on a command that you already have
  lily exec -- make test          run it with a record, keep its exit code
  lily run show latest            what ran, on what, how it ended
  lily record verify latest       prove that the record was not altered

COMMANDS
  exec                            run one command with a record
  init                            make a workspace here
  run start|new|list|show|watch|logs|resume|cancel
                                  run a workflow document, follow it, look back
  run rerun|fork|gates            do steps again, go on from the middle as a new run, judge again
  run why|report|summary|irreversible|diff|reproduce|export
                                  why a step ran; what a run did; what differs; does it give the same again
  rollback plan|confirm           guidance for undoing a run by hand; never executed
  artifact put|get|list|show|graph|replace
                                  files by digest, and who made what from what; put another in its place
  record show|verify              read and verify the record of a run
  workflow check|plan|graph       check a workflow document before running it
  schema list|show|check          schemas of structured artifacts
  pack list|check                 plugins with schemas, modules and templates
  log checkpoint                  sign what was recorded so far
  security show|set               stop a workspace at once, or let it work again
  doctor                          check the workspace
  explain CODE                    what an error or exit code means, and what to do
  completion bash|zsh|fish        completion for your shell

  lily COMMAND --help             flags and examples of each
`;
