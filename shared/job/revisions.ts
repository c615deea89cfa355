/**
 * The revisions of the rules that results depend on, apart from the captures and the
 * configuration. Jobs and shards of other revisions are never reused,
 * and tasks of other revisions refuse to run.
 *
 * Raise a revision by one in the commit that changes what its stages write, and run `npm run golden`:
 *
 * - MAPPING_REVISION: what plan and map write for the same captures. Reading, resynchronisation, decompression,
 *   decoding, fates, anomalies, the digest of records, the form of shards, fragment files and their summaries.
 * - TRACKING_REVISION: what balance and reduce make of the same shards. Joining fragments, the order of captures and
 *   packets, sessions, uids, the form of runs, specifications and results.
 * - PUBLISHING_REVISION: what publish and commit make of the same runs. Schemas, values, order, row groups and
 *   compression of the tables' files, the names of files.
 *
 * A change in one stage also changes what later stages write; only the revision of the stage whose code has changed is
 * raised. None is raised for changes of speed or messages. test/golden/ checks each revision against digests of
 * what it writes, and says which one to raise.
 */

import { SOFTWARE } from '../text/software.ts';

export const MAPPING_REVISION = 14;
export const TRACKING_REVISION = 8;
export const PUBLISHING_REVISION = 6;

/** All revisions as one word. */
export const REVISIONS = `${MAPPING_REVISION}.${TRACKING_REVISION}.${PUBLISHING_REVISION}`;

/** The version and its revisions, as recorded in jobs and stacks. */
export const RELEASE = `${SOFTWARE}+${REVISIONS}`;

/** Whether a job or a stack of this release has the revisions of this code: its version may differ. */
export function hasOurRevisions(release: string): boolean {
  const plus = release.indexOf('+');
  return plus >= 0 && release.slice(plus + 1) === REVISIONS;
}
