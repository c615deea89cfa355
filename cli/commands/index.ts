/** The commands by name, in the order of the help. Each one's file is loaded when needed. */
import type { Command } from '../usage/command.ts';

export const COMMANDS: Readonly<Record<string, () => Promise<{ COMMAND: Command }>>> = {
  run: () => import('./run.ts'),
  sql: () => import('./sql.ts'),
  inspect: () => import('./inspect.ts'),
  datasets: () => import('./datasets.ts'),
  clean: () => import('./clean.ts'),
  forget: () => import('./forget.ts'),
  submit: () => import('./submit.ts'),
  jobs: () => import('./jobs.ts'),
  status: () => import('./status.ts'),
  cancel: () => import('./cancel.ts'),
  resume: () => import('./resume.ts'),
  watch: () => import('./watch.ts'),
  completion: () => import('./completion.ts'),
};

/** Loads all of them. */
export async function loadCommands(): Promise<Command[]> {
  return Promise.all(Object.values(COMMANDS).map(async (load) => (await load()).COMMAND));
}
