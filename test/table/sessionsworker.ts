/** Runs in a worker thread: writes a sessions file at the path it is given. */
import { workerData } from 'node:worker_threads';
import { writeSessions } from '../../shared/table/sessionsfile.ts';
import { CONTEXT, randomSessions } from './rows.ts';

await writeSessions(workerData as string, randomSessions(10_000, 16), CONTEXT);
