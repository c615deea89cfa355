/** flowstitch datasets: what the data sets of a folder of results hold. */
import type { Holding } from '../../shared/control/dataset/holdings.ts';
import { formatTable } from '../../shared/query/resulttext.ts';
import { printable, printableJson } from '../../shared/text/printable.ts';
import { RESULTS_OPTION, resultsFolder, stores } from '../input/resultsfolder.ts';
import { bytesText, commandName, count } from '../text/format.ts';
import { print } from '../text/output.ts';
import { defineCommand, JSON_OPTION } from '../usage/command.ts';

export const COMMAND = defineCommand({
  name: 'datasets',
  group: 'local',
  operands: { usage: '', least: 0, most: 0, wanted: 'takes no arguments' },
  needs: '--data FOLDER',
  summary: 'list what data sets hold',
  description: [
    'Lists the data sets in a folder of flowstitch run: the time that their packets span, their captures and sessions, how many bytes captures, shards and tables take, how many jobs there were, and how much flowstitch clean would remove.',
  ],
  options: { ...RESULTS_OPTION, ...JSON_OPTION },
  examples: [['datasets --data results/', 'the data sets of a folder']],
  async run(values) {
    const { holdings } = await import('../../shared/control/dataset/holdings.ts');
    const { planCleaning, UnknownNeeds } = await import('../../shared/control/dataset/clean.ts');
    const { store, results } = stores(await resultsFolder('datasets', values));
    const held = await holdings(store, results);
    let removable: number | null = null;
    let last = '';
    try {
      const { tables, shards, jobs } = await planCleaning(store, results, { jobs: 0 });
      removable = tables.bytes + shards.bytes + jobs.bytes;
      last = `${commandName()} clean would remove ${bytesText(removable)}`;
    } catch (error) {
      if (!(error instanceof UnknownNeeds)) throw error;
      last = error.message;
    }
    if (values.json) print(`${printableJson({ datasets: held, removable })}\n`);
    else print(`${datasetsText(held)}\n${last}\n`);
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
