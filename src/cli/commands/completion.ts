import { LilyError } from "../../base/lily-error.ts";
import type { CliContext } from "../cli-context.ts";
import { answer } from "../write-output.ts";

const bash = `# bash completion of lily
_lily() {
  local line
  COMPREPLY=()
  while IFS=$'\\t' read -r line _; do
    [[ $line == "\${COMP_WORDS[COMP_CWORD]}"* ]] && COMPREPLY+=("$line")
  done < <(lily __complete "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -o bashdefault -o default -F _lily lily
`;

const zsh = `#compdef lily
_lily() {
  local -a proposals
  local line
  while IFS= read -r line; do
    proposals+=("\${line%%$'\\t'*}:\${line#*$'\\t'}")
  done < <(lily __complete "\${(@)words[2,CURRENT]}" 2>/dev/null)
  if (( \${#proposals} )); then _describe 'lily' proposals; else _files; fi
}
compdef _lily lily
`;

const fish = `# fish completion of lily
complete -c lily -a '(lily __complete (commandline -opc)[2..-1] (commandline -ct) 2>/dev/null)'
`;

const scripts: ReadonlyMap<string, string> = new Map([
  ["bash", bash],
  ["zsh", zsh],
  ["fish", fish],
]);

export async function completion(cli: CliContext, _flags: object, shell: string): Promise<number> {
  const script = scripts.get(shell);
  if (script === undefined) throw new LilyError("USAGE_INVALID", `no completion for ${JSON.stringify(shell.slice(0, 40))}; there is bash, zsh and fish`);
  answer(cli, { shell, script }, () => script);
  return 0;
}
