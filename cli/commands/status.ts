/** flowstitch status: the status of a job, once or until it ends. */
import { jobStatus } from '../../shared/control/status.ts';
import { jobText, printEnd, WAIT_EXIT_CODES } from '../cloud/jobend.ts';
import { checkJobId, JOB_OPERAND } from '../cloud/joboperand.ts';
import { CREDENTIALS_NOTE, pipelineOf, STACK_OPTION } from '../cloud/stackoption.ts';
import { print } from '../text/output.ts';
import { defineCommand, JSON_OPTION } from '../usage/command.ts';

export const COMMAND = defineCommand({
  name: 'status',
  group: 'cloud',
  operands: JOB_OPERAND,
  summary: 'show the progress and result of a job',
  description: ['Shows a job: its stages, what has failed, and its summary once it has ended.'],
  options: { watch: { meaning: 'follow the job until it ends' }, ...JSON_OPTION, ...STACK_OPTION },
  notes: [CREDENTIALS_NOTE],
  examples: [
    ['status 3f2a', 'the job whose id begins with 3f2a'],
    ['status 3f2a --watch', 'follow it until it ends'],
  ],
  exitCodes: WAIT_EXIT_CODES,
  async run({ watch, json = false, ...values }, [id]) {
    checkJobId('status', id);
    const pipeline = await pipelineOf(values);
    if (watch) return printEnd(pipeline, id, json);
    print(jobText(pipeline, await jobStatus(pipeline.work, id), json));
    return 0;
  },
});
