/**
 * The commands for a deployed pipeline: their help, and their code, which is loaded when it is needed, for AWS's
 * SDK takes a second to load.
 */
import { JOB_OPTIONS_HELP, TIMEOUTS_HELP } from '../../shared/job/options.ts';
import { print } from '../text/output.ts';

export interface CloudCommand {
  help: string;
  run(args: string[]): Promise<number>;
}

const STACK_HELP = `  --stack NAME        CloudFormation stack of the pipeline (default: FLOWSTITCH_STACK, or flowstitch-pipeline)
`;

const WHERE_HELP = `Region and credentials are those of AWS's own tools: AWS_REGION, AWS_PROFILE and so on.
`;

const SUBMIT_HELP = `flowstitch submit s3://BUCKET/PREFIX

Starts a job in the cloud over all captures whose keys begin with the prefix. The same captures and options
are the same job, however often they are submitted. A data set has one running job; another waits its turn.

  --dataset NAME      name of the data set (default: the prefix)
${JOB_OPTIONS_HELP}  --requester-pays    the bucket's readers pay, and this account will
  --wait              watch the job until it ends, as status --watch does
  --json              as JSON
${STACK_HELP}
Timeouts as 500ms, 90s, 5m or 1h; Zeek's unless given:
${TIMEOUTS_HELP}
Exit codes: 0 submitted, or with --wait: committed, all was read; 1 usage, input/output, or the job failed or was
cancelled; 2 committed, but some capture was damaged or unreadable; 130 or 143 stopped by Ctrl-C or SIGTERM; the job
goes on.
${WHERE_HELP}`;

const JOBS_HELP = `flowstitch jobs

Lists the jobs of the pipeline, the newest first, and starts that uploads asked for and that could not be.

  --dataset NAME      only those of one data set
  --json              as JSON
${STACK_HELP}${WHERE_HELP}`;

const STATUS_HELP = `flowstitch status JOB

Tells how a job stands: its stages, what has failed, its summary once it has ended. JOB is its id, or a beginning of it.

  --watch             until the job ends; the exit codes are those of submit --wait
  --json              as JSON
${STACK_HELP}${WHERE_HELP}`;

const CANCEL_HELP = `flowstitch cancel JOB

Stops a job: tasks that run come to their end, no other begins, and the next job of the data set has its turn.

${STACK_HELP}${WHERE_HELP}`;

const RESUME_HELP = `flowstitch resume JOB

Goes on with a job that failed or was cancelled, and repeats what failed. Where captures of a committed job could
not be read, another job tries those again and takes what was made of the others as it is.

  --wait              watch the job until it ends, as status --watch does
  --json              as JSON
${STACK_HELP}${WHERE_HELP}`;

const WATCH_HELP = `flowstitch watch [s3://BUCKET/PREFIX]

Makes a prefix of the pipeline's bucket of captures start jobs by itself, once nothing has come for a while. Without
a prefix it lists those that do. (A marker object named _READY under a prefix starts a job too, without any of this.)

  --quiet-for 2m      how long nothing must have come
  --off               ends it, for a prefix or a data set
  --dataset NAME      name of the data set (default: the prefix)
${JOB_OPTIONS_HELP}  --json              the list as JSON
${STACK_HELP}
Timeouts as 500ms, 90s, 5m or 1h; Zeek's unless given:
${TIMEOUTS_HELP}${WHERE_HELP}`;

export const CLOUD_COMMANDS: Record<string, CloudCommand> = {
  submit: { help: SUBMIT_HELP, run: async (args) => (await import('../commands/submit.ts')).submit(args) },
  jobs: { help: JOBS_HELP, run: async (args) => (await import('../commands/jobs.ts')).jobs(args) },
  status: { help: STATUS_HELP, run: async (args) => (await import('../commands/status.ts')).status(args) },
  cancel: { help: CANCEL_HELP, run: async (args) => (await import('../commands/cancel.ts')).cancel(args) },
  resume: { help: RESUME_HELP, run: async (args) => (await import('../commands/resume.ts')).resume(args) },
  watch: { help: WATCH_HELP, run: async (args) => (await import('../commands/watch.ts')).watch(args) },
};

/** Runs a command of the cloud, or prints its help. @returns the exit code */
export async function runCloudCommand(name: string, args: string[]): Promise<number> {
  const { help, run } = CLOUD_COMMANDS[name];
  if (!args.includes('--help') && !args.includes('-h')) return run(args);
  print(help);
  return 0;
}
