/** Writes docs/commands.md from the commands in cli/commands/: `npm run docs`. A test compares the two. */
import { writeFileSync } from 'node:fs';
import { loadCommands } from '../cli/commands/index.ts';
import { type Command, GROUPS, usageLine } from '../cli/usage/command.ts';
import { optionFlags } from '../shared/job/options/optiondescription.ts';

const HEAD = `# Commands

Written from \`cli/commands/\` by \`npm run docs\`. \`flowstitch COMMAND --help\` shows the same.

In a checkout, or without installing, type \`npx flowstitch\` instead of \`flowstitch\`. \`flowstitch completion SHELL\` prints a script for bash, zsh or fish. The options of jobs (\`packets\` to \`tcp-reset-delay\`) are also those of a \`_READY\` marker object's JSON and of [the library](library.md), without the dashes.

TIME is a number with \`us\`, \`ms\`, \`s\`, \`m\`, \`h\` or \`d\`, and means seconds without one; SIZE is a number of bytes, or with \`K\`, \`M\` or \`G\` of 1024 to its power.

Exit codes of all commands: 0 done; 1 usage error, input or output error; 130 stopped by Ctrl-C, 143 by SIGTERM. Some have others, below.
`;

/** Text in a cell of a table. */
function cell(text: string): string {
  return text.replaceAll('|', '\\|');
}

function optionTable({ options }: Command): string {
  const rows = Object.entries(options).map(([name, described]) => {
    const { value, meaning, choices, default: without } = described;
    const flag = `\`${optionFlags(name, described).join(', ')}${value === undefined ? '' : ` ${cell(value)}`}\``;
    const takes = choices === undefined ? '' : `: ${choices.map((choice) => `\`${choice}\``).join(', ')}`;
    return `| ${flag} | ${cell(meaning)}${takes} | ${cell(without ?? '')} |`;
  });
  return rows.length === 0 ? '' : `\n| option | meaning | default |\n|---|---|---|\n${rows.join('\n')}\n`;
}

function section(command: Command): string {
  const { description, notes = [], examples, exitCodes = [] } = command;
  const parts = [`### ${command.name}\n\n\`\`\`\nflowstitch ${usageLine(command)} [options]\n\`\`\`\n`];
  for (const paragraph of description) parts.push(`${paragraph}\n`);
  parts[parts.length - 1] += optionTable(command);
  for (const note of notes) parts.push(`${note}\n`);
  parts.push(
    `\`\`\`\n${examples.map(([line, meaning]) => `flowstitch ${line.padEnd(widest(command))}  # ${meaning}\n`).join('')}\`\`\`\n`,
  );
  if (exitCodes.length > 0)
    parts.push(
      `| exit code | meaning |\n|---|---|\n${exitCodes.map(([codes, meaning]) => `| ${codes} | ${cell(meaning)} |\n`).join('')}`,
    );
  return parts.join('\n');
}

function widest({ examples }: Command): number {
  return Math.max(...examples.map(([line]) => line.length));
}

/** The text of docs/commands.md. */
export function commandsText(commands: readonly Command[]): string {
  const list = commands.map(({ name, summary }) => `| [${name}](#${name}) | ${cell(summary)} |\n`).join('');
  const groups = Object.entries(GROUPS).map(([group, heading]) => {
    const members = commands.filter((command) => command.group === group);
    return `## ${heading}\n\n${members.map(section).join('\n')}`;
  });
  return `${HEAD}\n| command | |\n|---|---|\n${list}\n${groups.join('\n')}`;
}

if (import.meta.main) writeFileSync(new URL('./commands.md', import.meta.url), commandsText(await loadCommands()));
