/** Whether this program may ask for jobs of a deployed pipeline. */
import { hasOurRevisions, RELEASE } from '../../shared/job/revisions.ts';
import { UsageError } from '../usage/usage.ts';
import type { Pipeline } from './pipeline.ts';

/**
 * Makes sure that this program and the pipeline follow the same revision.
 * @param what what is refused otherwise, as in 'cannot submit'
 * @throws UsageError that names both versions and the ways out
 */
export function requireSameVersion({ stack, version }: Pick<Pipeline, 'stack' | 'version'>, what: string): void {
  if (hasOurRevisions(version)) return;
  throw new UsageError(
    `cannot ${what}: stack ${stack} has version ${version} and this is ${RELEASE}; a job must run under one revision. ` +
      `Use version ${version} here, or deploy this one with npm run deploy; status, jobs and cancel work meanwhile`,
  );
}
