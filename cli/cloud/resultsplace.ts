/** Where the results are that a command manages: a folder of flowstitch run, or a pipeline in the cloud. */
import type { Options } from '../../shared/job/options/optiondescription.ts';
import { parseS3Url } from '../../shared/store/aws/s3url.ts';
import { resultsFolder } from '../input/resultsfolder.ts';
import { UsageError } from '../usage/usage.ts';
import type { Pipeline } from './pipeline.ts';
import { pipelineOf, STACK_OPTION } from './stackoption.ts';

/** For commands that work on both. */
export const PLACE_OPTIONS = {
  data: {
    value: 'FOLDER|s3://...',
    meaning: "folder of results: the one that flowstitch run was given with --out; or the pipeline's results bucket",
  },
  stack: { ...STACK_OPTION.stack, meaning: 'CloudFormation stack of the pipeline, for results in the cloud' },
} as const satisfies Options;

/** Its absolute path, or the pipeline. @throws UsageError when neither was given, or there is none */
export async function resultsPlace(
  command: string,
  { data, stack }: { data?: string; stack?: string },
): Promise<string | Pipeline> {
  if (data !== undefined && !data.startsWith('s3://')) {
    if (stack !== undefined) throw new UsageError(`${command}: --data names a folder and --stack a pipeline: give one`);
    return resultsFolder(command, { data });
  }
  if (!data && stack === undefined)
    throw new UsageError(
      `${command}: no results given: name their folder or bucket with --data, or a pipeline with --stack`,
    );
  const pipeline = await pipelineOf({ stack });
  if (data && parseS3Url(data).bucket !== pipeline.resultsBucket)
    throw new UsageError(
      `${data} is not where stack ${pipeline.stack} keeps its results, which is s3://${pipeline.resultsBucket}/: --stack names another pipeline`,
    );
  return pipeline;
}
