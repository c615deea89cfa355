/** What a run says of the captures that its data set, and others of the same folder, hold, before it does anything. */
import { join } from 'node:path';
import { type HeldCaptures, replacementOf } from '../../shared/control/dataset/heldcaptures.ts';
import { sharedCaptures } from '../../shared/control/sharedcaptures.ts';
import { isForgotten } from '../../shared/job/notices/forgotten.ts';
import { DEFAULT_DATASET, type JobOptions } from '../../shared/job/options/options.ts';
import { WORK_FOLDER } from '../../shared/job/protocol/keys.ts';
import type { CaptureRef } from '../../shared/store/capturesource.ts';
import { DirectoryStore } from '../../shared/store/directorystore.ts';
import { printable } from '../../shared/text/printable.ts';
import { count, counted } from './format.ts';
import { otherOptions } from './otheroptions.ts';

/** Most captures whose place changes that are named. */
const NAMED = 10;

/**
 * One line each.
 * @param out the folder of results, absolute
 * @param captures those of the job
 * @param held those that the data set holds, and the job that they are of
 */
export async function datasetNotices(
  out: string,
  dataset: string = DEFAULT_DATASET,
  captures: readonly CaptureRef[],
  held: HeldCaptures | undefined,
  options: JobOptions,
): Promise<string[]> {
  const place = printable(out);
  const store = new DirectoryStore(join(out, WORK_FOLDER));
  const holds = held?.captures ?? [];
  const known = holds.filter((capture) => !isForgotten(capture));
  const { kept, changed, elsewhere } = replacementOf(known, captures);
  const notices: string[] = [];
  const lost = known.length - kept - elsewhere.length;
  if (lost > 0)
    notices.push(
      `${place} holds sessions of ${counted(known.length, 'capture')}; this run keeps ${kept === 0 ? 'none' : count(kept)} of them and replaces the rest. --add keeps all`,
    );
  if (changed.length > 0) {
    const [what, they] = changed.length === 1 ? ['has', 'it'] : ['have', 'they'];
    const more = changed.length > NAMED ? `, and ${counted(changed.length - NAMED, 'more')}` : '';
    notices.push(
      `${counted(changed.length, 'capture')} ${what} changed since the results were made: what ${they} held before leaves the results (${changed.slice(0, NAMED).map(printable).join(', ')}${more})`,
    );
  }
  const forgotten = captures.filter(isForgotten).length;
  if (forgotten > 0)
    notices.push(
      `${counted(forgotten, 'capture')} of the data set ${forgotten === 1 ? 'stays' : 'stay'} forgotten; a run without --add reads those it is given`,
    );
  const back = replacementOf(
    holds.filter(isForgotten),
    captures.filter((capture) => !isForgotten(capture)),
  ).kept;
  if (back > 0) notices.push(`this run reads ${counted(back, 'capture')} again that the data set had forgotten`);
  for (const { name, was, is } of elsewhere.slice(0, NAMED))
    notices.push(`${printable(name)} was ${printable(was)} before; ${printable(is)} takes its place`);
  if (elsewhere.length > NAMED)
    notices.push(`${counted(elsewhere.length - NAMED, 'more capture')} took the place of others with the same name`);
  const other = held === undefined ? null : await otherOptions(store, dataset, held.job, options);
  if (other !== null) notices.push(other);
  const others = await sharedCaptures(store, dataset, captures);
  for (const other of others)
    notices.push(
      `the data set '${other.dataset}' of ${place} holds ${count(other.captures)} of these ${counted(captures.length, 'capture')} too: their sessions are in both`,
    );
  return notices;
}
