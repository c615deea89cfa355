/** What the commands for a deployed pipeline share: the option that names it, and how it is found. */
import type { Options } from '../../shared/job/options/optiondescription.ts';
import type { Pipeline } from './pipeline.ts';
import { DEFAULT_STACK } from './stackname.ts';

/** The option that every command of a pipeline takes. */
export const STACK_OPTION = {
  stack: {
    value: 'NAME',
    meaning: 'CloudFormation stack of the pipeline',
    default: `$FLOWSTITCH_STACK, or ${DEFAULT_STACK}`,
  },
} as const satisfies Options;

/** A note of their help. */
export const CREDENTIALS_NOTE =
  "Region and credentials are found as by AWS's own tools: AWS_REGION, AWS_PROFILE and so on.";

/** Finds the pipeline that a command's options name. Loaded lazily, since the AWS SDK takes long to load. @throws as findPipeline */
export async function pipelineOf({ stack }: { stack?: string }): Promise<Pipeline> {
  const { findPipeline } = await import('./pipeline.ts');
  return findPipeline(stack);
}
