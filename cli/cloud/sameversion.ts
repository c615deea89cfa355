/** Whether this program may start jobs on a deployed pipeline. */
import { hasOurRevisions, RELEASE } from '../../shared/job/revisions.ts';
import { UsageError } from '../usage/usage.ts';
import type { Pipeline } from './pipeline.ts';

/**
 * Checks that this program and the pipeline have the same revisions.
 * @param what the refused operation, as in 'cannot submit'
 * @throws UsageError that names both versions and the ways out
 */
export function requireSameVersion({ stack, version }: Pick<Pipeline, 'stack' | 'version'>, what: string): void {
  if (hasOurRevisions(version)) return;
  throw new UsageError(
    `cannot ${what}: stack ${stack} has version ${version} and this is ${RELEASE}; a job must run under one revision. ` +
      `Use version ${version} here, or deploy this one with npm run deploy; status, jobs and cancel work meanwhile`,
  );
}
