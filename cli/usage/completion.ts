/** Completion scripts for shells, made from the commands' descriptions: names of commands, options and listed values, and files. */
import { type OptionDescription, optionFlags } from '../../shared/job/options/optiondescription.ts';
import type { Command } from './command.ts';

const SCRIPTS = { bash: bashScript, zsh: zshScript, fish: fishScript };
export const SHELLS = Object.keys(SCRIPTS) as readonly (keyof typeof SCRIPTS)[];

/** The script that completes `flowstitch` in a shell. */
export function completionScript(shell: keyof typeof SCRIPTS, commands: readonly Command[]): string {
  return SCRIPTS[shell](commands);
}

/** A word or text in single quotes, for all three shells. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

function namesFiles({ value = '' }: OptionDescription): boolean {
  return /\b(FILE|FOLDER)\b/.test(value);
}

/** Values of the words that can be listed, of an option or of the place beside the options. */
function listed({ operands }: Command): readonly string[] {
  return operands.choices ?? [];
}

function bashScript(commands: readonly Command[]): string {
  const values: string[] = [];
  const words: string[] = [];
  for (const command of commands) {
    const { name, options, operands } = command;
    const free: string[] = [];
    for (const [option, described] of Object.entries(options)) {
      if (described.value === undefined) continue;
      const typed = optionFlags(option, described).map((flag) => `${name}:${flag}`);
      const at = `    ${typed.join('|')})`;
      if (described.choices !== undefined) values.push(`${at} words=${quoted(described.choices.join(' '))} ;;`);
      else if (namesFiles(described)) values.push(`${at} files=1 ;;`);
      else free.push(...typed);
    }
    if (free.length > 0) values.push(`    ${free.join('|')}) ;;`);
    const flags = [
      ...Object.entries(options).flatMap(([option, described]) => optionFlags(option, described)),
      '--help',
    ].join(' ');
    const files = operands.files ? ' files=1' : '';
    words.push(`    ${name}:-*) words=${quoted(flags)} ;;`);
    words.push(`    ${name}:*) words=${quoted(listed(command).join(' '))}${files} ;;`);
  }
  return `# flowstitch, completion for bash: source <(flowstitch completion bash)
_flowstitch() {
  local command=\${COMP_WORDS[1]} word=\${COMP_WORDS[COMP_CWORD]} before=\${COMP_WORDS[COMP_CWORD-1]} words= files=
  COMPREPLY=()
  if ((COMP_CWORD == 1)); then
    COMPREPLY=($(compgen -W ${quoted([...commands.map(({ name }) => name), '--help', '--version'].join(' '))} -- "$word"))
    return
  fi
  case $command:$before in
${values.join('\n')}
    *) case $command:$word in
${words.map((line) => `  ${line}`).join('\n')}
      esac ;;
  esac
  local IFS=$'\\n'
  COMPREPLY=($(compgen -W "\${words// /$'\\n'}" -- "$word"))
  if [[ -n $files ]]; then COMPREPLY+=($(compgen -f -- "$word")); fi
}
complete -o filenames -F _flowstitch flowstitch
`;
}

/** Text of zsh's _arguments, in which brackets and colons have a meaning. */
function zshText(text: string): string {
  return text.replaceAll(/[[\]:\\]/g, '\\$&');
}

function zshScript(commands: readonly Command[]): string {
  const cases = commands.map((command) => {
    const { name, options, operands } = command;
    const specs = Object.entries(options).flatMap(([option, described]) => {
      const { value, meaning, choices } = described;
      const flags = optionFlags(option, described);
      if (value === undefined) return flags.map((flag) => quoted(`${flag}[${zshText(meaning)}]`));
      const action =
        choices !== undefined ? `(${choices.map(zshText).join(' ')})` : namesFiles(described) ? '_files' : ' ';
      return flags.map((flag) =>
        quoted(`${flag}${flag.startsWith('--') ? '=' : ''}[${zshText(meaning)}]:${zshText(value)}:${action}`),
      );
    });
    specs.push(quoted('--help[show this help]'));
    const choices = listed(command);
    const action = choices.length > 0 ? `(${choices.join(' ')})` : operands.files ? '_files' : ' ';
    if (operands.most > 0) specs.push(quoted(`*:${zshText(operands.usage)}:${action}`));
    return `    ${name})\n      _arguments ${specs.join(' \\\n        ')} ;;`;
  });
  const names = commands.map(({ name, summary }) => quoted(`${name}:${zshText(summary)}`));
  return `#compdef flowstitch
# flowstitch, completion for zsh: flowstitch completion zsh > a folder of $fpath/_flowstitch, or source it
_flowstitch() {
  local -a commands=(
    ${names.join('\n    ')}
  )
  if ((CURRENT == 2)); then
    _describe command commands
    return
  fi
  local command=$words[2]
  shift words
  ((CURRENT--))
  case $command in
${cases.join('\n')}
  esac
}
if [[ $funcstack[1] == _flowstitch ]]; then _flowstitch "$@"; else compdef _flowstitch flowstitch; fi
`;
}

function fishScript(commands: readonly Command[]): string {
  const lines = ['# flowstitch, completion for fish: flowstitch completion fish | source', 'complete -c flowstitch -f'];
  for (const { name, summary } of commands)
    lines.push(`complete -c flowstitch -n __fish_use_subcommand -a ${name} -d ${fishText(summary)}`);
  for (const command of commands) {
    const { name, options, operands } = command;
    const line = `complete -c flowstitch -n '__fish_seen_subcommand_from ${name}'`;
    for (const [option, described] of Object.entries(options)) {
      const { value, meaning, choices } = described;
      const takes =
        value === undefined
          ? ''
          : choices !== undefined
            ? ` -x -a ${fishText(choices.join(' '))}`
            : namesFiles(described)
              ? ' -r -F'
              : ' -x';
      const flags = optionFlags(option, described).map((flag) => flag.replace(/^-(?!-)/, '-s ').replace(/^--/, '-l '));
      lines.push(`${line} ${flags.join(' ')}${takes} -d ${fishText(meaning)}`);
    }
    lines.push(`${line} -l help -d 'show this help'`);
    if (operands.files) lines.push(`${line} -F`);
    const choices = listed(command);
    if (choices.length > 0) lines.push(`${line} -a ${fishText(choices.join(' '))}`);
  }
  return `${lines.join('\n')}\n`;
}

/** In fish's single quotes a backslash takes a quote or another backslash for itself. */
function fishText(text: string): string {
  return `'${text.replaceAll(/[\\']/g, '\\$&')}'`;
}
