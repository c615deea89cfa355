/**
 * A job over many captures with 8 names of anomalies each that overflow their lists: run as a program under a small
 * heap by parts.test.ts. Says how many rows the table of anomalies has.
 */
import { ANOMALY_ROWS_PER_NAME } from '../../shared/capture/anomalies.ts';
import { stageResults } from '../../shared/job/barrier.ts';
import { runBalance } from '../../shared/job/balance.ts';
import { runCommit } from '../../shared/job/commit.ts';
import { manifestKey, summaryKey } from '../../shared/job/keys.ts';
import type { JobSummary } from '../../shared/job/summary.ts';
import { getJson } from '../../shared/store/jsonobject.ts';
import { openResults } from '../../shared/table/query.ts';
