/** flowstitch forget: removes captures or hosts from a data set, with everything that holds their packets. */
import type { Choice } from '../../shared/control/dataset/forget.ts';
import { DEFAULT_DATASET } from '../../shared/job/options/options.ts';
import { canonicalAddress } from '../../shared/packet/hostset.ts';
import { printable, printableJson } from '../../shared/text/printable.ts';
import { PLACE_OPTIONS, resultsPlace } from '../cloud/resultsplace.ts';
import { Stopped, stoppable } from '../signals.ts';
import { forgettingText, type OfHosts, told } from '../text/forgettingtext.ts';
import { bytesText } from '../text/format.ts';
import { terminalOf } from '../text/liveline.ts';
import { print } from '../text/output.ts';
import { Progress } from '../text/progress.ts';
import { defineCommand, JSON_OPTION } from '../usage/command.ts';
import { UsageError } from '../usage/usage.ts';

const MS_US = 1000;

export const COMMAND = defineCommand({
  name: 'forget',
  group: 'local',
  operands: { usage: '', least: 0, most: 0, wanted: 'takes no arguments' },
  needs: '--data FOLDER|s3://RESULTS',
  summary: 'remove captures or hosts, and what holds them',
  description: [
    'Forgets the captures that --before or --capture names: makes the results of a data set in a folder of flowstitch run those of its other captures, and removes whatever else holds packets of the forgotten ones: shards, files of jobs, tables. It first says what it would do, and does it with --yes. In the table captures they stay, with the status forgotten. The captures themselves are not touched.',
    'With --host it is the packets of hosts that are removed: all packets in which such an address is an end of an IP packet at any level. What is in a tunnel of such a host goes too, and so do the outer packets around one of its own. All captures are read again and must still be there; those that are not are named, and nothing is done. Later runs of the data set leave these hosts out as well. In the table captures their packets are counted in undecodable, by the reason forgotten.',
    'Of captures that share shards with forgotten ones the shards are made again: they must still be there. No other run may be at work in the folder at the end. What flowstitch clean would remove is removed too.',
    'In a pipeline (--before and --capture alone) a job is started, and the clean function removes the rest behind it once it is committed; --wait follows the job. No other job of the data set may run or wait when it is started.',
  ],
  options: {
    ...PLACE_OPTIONS,
    dataset: { value: 'NAME', meaning: 'the data set', default: DEFAULT_DATASET },
    before: { value: 'DATE', meaning: 'captures whose last packet is before it: 2026-11-30 or 2026-11-30T12:00, UTC' },
    capture: { value: 'NAME', meaning: 'this capture, by its name in the table captures' },
    host: {
      value: 'ADDRESS',
      meaning: 'packets of this host, IPv4 or IPv6; several with commas, or the option again',
      repeatable: true,
    },
    yes: { meaning: 'do it' },
    wait: { meaning: 'in a pipeline, follow the job until it ends' },
    ...JSON_OPTION,
  },
  examples: [
    ['forget --data results/ --before 2026-10-01', 'what would be forgotten'],
    ['forget --data results/ --capture captures/a.pcap --yes', 'forget one capture'],
    ['forget --data results/ --host 10.1.2.3', 'what would be forgotten of a host'],
  ],
  exitCodes: [
    ['0', 'done, or said what it would do'],
    ['1', 'usage error, input or output error, or failed job'],
    ['130, 143', 'stopped by Ctrl-C or SIGTERM; the same command goes on'],
  ],
  async run(values) {
    const choice = choiceOf(values);
    const folder = await resultsPlace('forget', values);
    const dataset = values.dataset ?? DEFAULT_DATASET;
    if (typeof folder !== 'string') {
      const { forgetInCloud } = await import('../cloud/forgetting.ts');
      return forgetInCloud(folder, values.dataset, choice, values);
    }
    const { forget, forgettingIn, rowsOfHosts } = await import('../../shared/engine/forgetting.ts');
    const ofHosts = async (): Promise<OfHosts | undefined> =>
      'hosts' in choice ? { hosts: choice.hosts, ...(await rowsOfHosts(folder, dataset, choice.hosts)) } : undefined;
    if (!values.yes) {
      const forgetting = await forgettingIn(folder, dataset, choice);
      const rows = await ofHosts();
      if (values.json) print(`${printableJson({ done: false, ...told(forgetting, rows) })}\n`);
      else print(`${forgettingText(forgetting, dataset, rows)}nothing has been changed: --yes does it\n`);
      return 0;
    }
    const { availableParallelism } = await import('node:os');
    return stoppable(async (signal) => {
      const progress = new Progress(0, 0, values.json ? null : terminalOf(process.stderr));
      try {
        // Where an earlier run has made the results without them, they have nothing of them any more.
        const rows = await ofHosts();
        const { forgetting, cleaning } = await forget(folder, dataset, choice, {
          workers: availableParallelism(),
          signal,
          onStart: (job, state, stage) => progress.started(job, state, stage),
          onCaptures: (captures) =>
            progress.holds(
              captures.length,
              captures.reduce((sum, { size }) => sum + size, 0),
            ),
          onWait: (other) => progress.waits(other),
          onTask: (report) => progress.task(report),
          onRetry: (stage, task, reason) => progress.retry(stage, task, reason),
          onDamaged: (words) => progress.damaged(words),
        });
        progress.end();
        const bytes = cleaning.shards.bytes + cleaning.jobs.bytes + cleaning.tables.bytes;
        if (values.json) print(`${printableJson({ done: true, ...told(forgetting, rows), removedBytes: bytes })}\n`);
        else
          print(
            `${forgettingText(forgetting, dataset, rows)}done: ${bytesText(bytes)} of shards and of files of jobs removed\n`,
          );
        return 0;
      } catch (error) {
        progress.end();
        if (!(error instanceof Stopped)) throw error;
        process.stderr.write('stopped. Run the same command again: it goes on.\n');
        return error.exitCode;
      }
    });
  },
});

/** @throws UsageError when not one of the three is given, or no date, or no address */
function choiceOf({ before, capture, host }: { before?: string; capture?: string; host?: string }): Choice {
  if ([before, capture, host].filter((given) => given !== undefined).length !== 1)
    throw new UsageError('forget: say what: one of --before DATE, --capture NAME and --host ADDRESS');
  if (host !== undefined) return { hosts: hostsOf(host) };
  if (capture !== undefined) return { capture };
  const [, day, time = '00:00'] = /^(\d{4}-\d{2}-\d{2})(?:T(\d{2}:\d{2}(?::\d{2})?)Z?)?$/.exec(before ?? '') ?? [];
  const ms = Date.parse(`${day}T${time}Z`);
  if (Number.isNaN(ms))
    throw new UsageError(`forget: --before takes a date such as 2026-11-30 or 2026-11-30T12:00, not '${before}'`);
  return { beforeUs: ms * MS_US };
}

function hostsOf(given: string): string[] {
  const hosts = given.split(',').map((text) => {
    const host = canonicalAddress(text.trim());
    if (host === undefined)
      throw new UsageError(`forget: --host takes an address such as 10.1.2.3 or 2001:db8::1, not '${printable(text)}'`);
    return host;
  });
  return [...new Set(hosts)].sort();
}
