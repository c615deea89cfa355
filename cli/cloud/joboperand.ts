/** The job operand of status, cancel and resume. */
import { commandName } from '../text/format.ts';
import type { Operands } from '../usage/command.ts';
import { UsageError } from '../usage/usage.ts';

export const JOB_OPERAND = {
  usage: 'JOB',
  least: 1,
  most: 1,
  wanted: `give the id of one job, or its first digits; ${commandName()} jobs lists them`,
} as const satisfies Operands;

/** @throws UsageError when it cannot be the id of a job, or a prefix of one */
export function checkJobId(command: string, id: string): void {
  if (!/^[0-9a-f]+$/.test(id))
    throw new UsageError(`${command}: '${id}' is not a job id; ${commandName()} jobs lists them`);
}
