/** flowstitch datasets: what the data sets of a folder of results, or of a pipeline, hold. */
import type { Holding } from '../../shared/control/dataset/holdings.ts';
import { formatTable } from '../../shared/query/resulttext.ts';
import { printable, printableJson } from '../../shared/text/printable.ts';
import { PLACE_OPTIONS, resultsPlace } from '../cloud/resultsplace.ts';
import { stores } from '../input/resultsfolder.ts';
import { bytesText, commandName, count, counted } from '../text/format.ts';
import { print } from '../text/output.ts';
import { defineCommand, JSON_OPTION } from '../usage/command.ts';

export const COMMAND = defineCommand({
  name: 'datasets',
  group: 'local',
  operands: { usage: '', least: 0, most: 0, wanted: 'takes no arguments' },
  needs: '--data FOLDER|s3://RESULTS',
  summary: 'list what data sets hold',
  description: [
    'Lists the data sets in a folder of flowstitch run or of a pipeline: the time that their packets span, their captures and sessions, how many bytes captures, shards and tables take, how many jobs there were, and how much flowstitch clean would remove.',
    'Of a pipeline it says how many requests that took: one for a thousand objects, one for each task of the current jobs, and one for each end of an interval.',
  ],
  options: { ...PLACE_OPTIONS, ...JSON_OPTION },
  examples: [
    ['datasets --data results/', 'the data sets of a folder'],
    ['datasets --data s3://RESULTS/', 'those of a pipeline, by its results bucket'],
  ],
  async run(values) {
    const { holdings } = await import('../../shared/control/dataset/holdings.ts');
    const { keepingIn } = await import('../cloud/cleaning.ts');
    const { countRequests, noRequests } = await import('../../shared/store/aws/requests.ts');
    const { planCleaning, UnknownNeeds } = await import('../../shared/control/dataset/clean.ts');
    const place = await resultsPlace('datasets', values);
    const counts = noRequests();
    if (typeof place !== 'string') countRequests(place.s3, counts);
    const { store, results } =
      typeof place === 'string' ? stores(place) : { store: place.work, results: place.results };
    const held = await holdings(store, results);
    let removable: number | null = null;
    let last = '';
    try {
      const { tables, shards, jobs } = await planCleaning(store, results, keepingIn(place, 0));
      removable = tables.bytes + shards.bytes + jobs.bytes;
      last = `${commandName()} clean would remove ${bytesText(removable)}`;
    } catch (error) {
      if (!(error instanceof UnknownNeeds)) throw error;
      last = error.message;
    }
    const requests = Object.values(counts.s3).reduce((sum, n) => sum + n, 0);
    const told = typeof place === 'string' ? {} : { requests };
    if (values.json) print(`${printableJson({ datasets: held, removable, ...told })}\n`);
    else print(`${datasetsText(held)}\n${last}\n${requests > 0 ? `${counted(requests, 'request')} to S3\n` : ''}`);
    return 0;
  },
});

function datasetsText(held: readonly Holding[]): string {
  if (held.length === 0) return 'there are no finished results\n';
  const names = ['data set', 'first packet', 'last packet', 'captures', 'size', 'sessions', 'shards', 'tables', 'jobs'];
  const columns = names.map((name) => ({ name, type: '' }));
  const known = (n: number | null, text: (n: number) => string): string => (n === null ? '?' : text(n));
  const rows = held.map((one) => [
    printable(one.dataset),
    one.firstPacket?.slice(0, 19) ?? '',
    one.lastPacket?.slice(0, 19) ?? '',
    known(one.captures, count),
    known(one.captureBytes, bytesText),
    known(one.sessions, count),
    bytesText(one.shardBytes),
    bytesText(one.resultBytes),
    count(one.jobs),
  ]);
  return formatTable({ columns, rows, truncated: false });
}
