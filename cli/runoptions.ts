/** The options of flowstitch run: their help, and what they mean. */
import { availableParallelism } from 'node:os';
import { DEFAULT_BUCKETS } from '../shared/job/start.ts';
import type { ShardBy } from '../shared/packet/flowtable.ts';
import { DEFAULTS, type SessionConfig } from '../shared/session/config.ts';
import { durationOption, parseDuration } from './durations.ts';
import { readOptions, wholeNumber } from './options.ts';
import { UsageError } from './usage.ts';

const TIMEOUTS = {
  'tcp-timeout': 'tcpInactivityUs',
  'udp-timeout': 'udpInactivityUs',
  'icmp-timeout': 'icmpInactivityUs',
  'other-timeout': 'otherInactivityUs',
  'long-timeout': 'longInactivityUs',
  'tcp-attempt-delay': 'tcpAttemptDelayUs',
  'tcp-close-delay': 'tcpCloseDelayUs',
  'tcp-reset-delay': 'tcpResetDelayUs',
} as const satisfies Record<string, keyof SessionConfig>;
/** Timers that a session can do without. */
const CAN_BE_NEVER = new Set(['tcp-reset-delay']);

const timeoutHelp = Object.entries(TIMEOUTS)
  .map(([option, field]) => `  --${option.padEnd(18)}${durationOption(DEFAULTS[field])}\n`)
  .join('');

export const RUN_HELP = `flowstitch run FILE|FOLDER|GLOB ... --out FOLDER

Turns captures (pcap, pcapng; plain, or in gzip or zstd) into tables of sessions. Folders are
read to their bottom; names that begin with a dot are passed over.

  --out FOLDER        where the tables go; running again with the same folder goes on, or maps only what is new
  --packets           make the packets table too
  --dataset NAME      name of the data set (default: default)
  --buckets P         slices of the flow-hash space (default ${DEFAULT_BUCKETS})
  --workers N         worker threads (default: one a processor)
  --shard-by KEY      5tuple (default), 4tuple, or 2tuple: keep all of a host pair in one place
  --key vlan,vni      VLAN ids, network identifiers of VXLAN and GENEVE, or both are part of what makes a session
  --json              print the summary as JSON
  --quiet             no progress

Timeouts as 500ms, 90s, 5m or 1h; Zeek's unless given:
${timeoutHelp}
Exit codes: 0 all was read; 1 usage or input/output; 2 finished, but some capture was damaged or
unreadable; 130 stopped by Ctrl-C, and the same command goes on from there.
`;

/** What a caller of run asks for. */
export interface RunOptions {
  /** Files, folders and globs. */
  inputs: string[];
  out: string;
  dataset: string;
  buckets: number | undefined;
  workers: number;
  shardBy: ShardBy;
  keyVlan: boolean;
  keyVni: boolean;
  sessions: SessionConfig;
  packets: boolean;
  json: boolean;
  quiet: boolean;
}

/**
 * The arguments of run.
 * @returns 'help' when help is asked for
 * @throws UsageError
 */
export function readRunOptions(args: string[]): RunOptions | 'help' {
  const { values, positionals } = readOptions('run', args, {
    out: { type: 'string' },
    packets: { type: 'boolean' },
    dataset: { type: 'string' },
    buckets: { type: 'string' },
    workers: { type: 'string' },
    'shard-by': { type: 'string' },
    key: { type: 'string' },
    json: { type: 'boolean' },
    quiet: { type: 'boolean' },
    help: { type: 'boolean', short: 'h' },
    'tcp-timeout': { type: 'string' },
    'udp-timeout': { type: 'string' },
    'icmp-timeout': { type: 'string' },
    'other-timeout': { type: 'string' },
    'long-timeout': { type: 'string' },
    'tcp-attempt-delay': { type: 'string' },
    'tcp-close-delay': { type: 'string' },
    'tcp-reset-delay': { type: 'string' },
  });
  if (values.help) return 'help';
  if (positionals.length === 0) throw new UsageError('run: which captures? Name files, folders or globs');
  if (!values.out) throw new UsageError('run: where to? Name a folder with --out');
  const dataset = values.dataset ?? 'default';
  if (!/^[A-Za-z0-9_-]{1,64}$/.test(dataset))
    throw new UsageError(`--dataset takes up to 64 letters, digits, '-' and '_', not '${dataset}'`);
  const shardBy = values['shard-by'] ?? '5tuple';
  if (shardBy !== '5tuple' && shardBy !== '4tuple' && shardBy !== '2tuple')
    throw new UsageError(`--shard-by takes 5tuple, 4tuple or 2tuple, not '${shardBy}'`);
  const keys = (values.key ?? '').split(',').filter((key) => key !== '');
  for (const key of keys)
    if (key !== 'vlan' && key !== 'vni') throw new UsageError(`--key takes vlan and vni, not '${key}'`);
  const sessions: SessionConfig = { ...DEFAULTS };
  for (const [option, field] of Object.entries(TIMEOUTS)) {
    const text = values[option as keyof typeof TIMEOUTS];
    if (text !== undefined) sessions[field] = parseDuration(text, option, CAN_BE_NEVER.has(option));
  }
  return {
    inputs: positionals,
    out: values.out,
    dataset,
    buckets: wholeNumber(values.buckets, '--buckets', 1, 65536),
    workers: wholeNumber(values.workers, '--workers', 1, 256) ?? availableParallelism(),
    shardBy,
    keyVlan: keys.includes('vlan'),
    keyVni: keys.includes('vni'),
    sessions,
    packets: values.packets ?? false,
    json: values.json ?? false,
    quiet: values.quiet ?? false,
  };
}
