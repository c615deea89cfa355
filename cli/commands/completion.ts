/** flowstitch completion: a script that makes a shell complete commands, options and their values. */
import { print } from '../text/output.ts';
import { defineCommand } from '../usage/command.ts';
import { completionScript, SHELLS } from '../usage/completion.ts';
import { UsageError } from '../usage/usage.ts';

const WANTED = `give one shell: ${SHELLS.join(', ')}`;

export const COMMAND = defineCommand({
  name: 'completion',
  group: 'other',
  operands: { usage: SHELLS.join('|'), least: 1, most: 1, wanted: WANTED, choices: SHELLS },
  summary: 'print a script that completes commands and options in a shell',
  description: ['Prints a script that makes a shell complete commands, options and the values of options.'],
  options: {},
  examples: [
    ['completion bash >> ~/.bashrc', 'for bash'],
    ['completion zsh >> ~/.zshrc', 'for zsh, behind compinit'],
    ['completion fish > ~/.config/fish/completions/flowstitch.fish', 'for fish'],
  ],
  async run(_, [name], program) {
    const shell = SHELLS.find((known) => known === name);
    if (shell === undefined) throw new UsageError(`completion: ${WANTED}, not '${name}'`);
    print(completionScript(shell, await program.commands()));
    return 0;
  },
});
