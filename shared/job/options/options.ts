/**
 * The options of a job, under the names of the command line's options: the
 * same for a run on one machine, a submitted job, a marker object that
 * starts one, and a prefix whose captures start jobs automatically.
 */
import {
  type CompressionBounds,
  DEFAULT_BOUNDS,
  LEAST_ZSTD_WINDOW,
  MOST_ZSTD_WINDOW,
} from '../../capture/compression/bounds.ts';
import type { ShardBy } from '../../packet/flow/flowtable.ts';
import { meaningOfUdpPort } from '../../packet/protocols.ts';
import { DEFAULTS, type SessionConfig } from '../../session/sessionconfig.ts';
import { type OptionDescription, type Options, optionFlag } from './optiondescription.ts';
import { durationOption, OptionError, parseDuration, sizeOption, sizeText, wholeNumber } from './optionvalues.ts';

/** The default data set of a run. */
export const DEFAULT_DATASET = 'default';

/** Default number of buckets of a data set. */
export const DEFAULT_BUCKETS = 1024;

const SHARD_BY = ['5tuple', '4tuple', '2tuple'] as const satisfies readonly ShardBy[];

/** Headings of help texts. */
const LIMITS = 'Limits on compressed captures';
const TIMERS = 'Timeouts (as 500ms, 90s, 5m or 1h, a bare number is seconds; the defaults are those of Zeek)';

/** A session timeout: the field it sets, and whether it can be turned off. */
interface Timer {
  field: { [Name in keyof SessionConfig]: SessionConfig[Name] extends number ? Name : never }[keyof SessionConfig];
  meaning: string;
  canBeNever?: true;
}

const TIMEOUTS = {
  'tcp-timeout': { field: 'tcpInactivityUs', meaning: 'idle time after which a TCP session ends' },
  'udp-timeout': { field: 'udpInactivityUs', meaning: 'idle time after which a UDP session ends' },
  'icmp-timeout': { field: 'icmpInactivityUs', meaning: 'idle time after which an ICMP session ends' },
  'other-timeout': { field: 'otherInactivityUs', meaning: 'idle time after which a session of another protocol ends' },
  'long-timeout': {
    field: 'longInactivityUs',
    meaning: `idle time for established TCP on ports ${DEFAULTS.longPorts.join(', ')}, and for SSH and FTP on any port`,
  },
  'tcp-attempt-delay': { field: 'tcpAttemptDelayUs', meaning: 'time after which an unanswered SYN ends the session' },
  'tcp-close-delay': {
    field: 'tcpCloseDelayUs',
    meaning: 'time from the close of both sides to the end of the session',
  },
  'tcp-reset-delay': {
    field: 'tcpResetDelayUs',
    meaning: 'time from a reset after a FIN to the end of the session',
    canBeNever: true,
  },
} as const satisfies Record<string, Timer>;
type TimeoutName = keyof typeof TIMEOUTS;

/** Limits on compressed captures: options of a job, and of commands that read a capture. */
export const BOUND_OPTIONS = {
  'max-zstd-window': {
    value: 'SIZE',
    meaning: `largest window of a zstd frame, as 8M or 1G, a bare number is bytes; up to ${sizeText(MOST_ZSTD_WINDOW)}`,
    default: sizeText(DEFAULT_BOUNDS.zstdWindow),
    group: LIMITS,
    numeric: true,
  },
  'max-compression-ratio': {
    value: 'N',
    meaning: 'most bytes that one compressed byte may decompress to, beyond the first 100 MB of a capture',
    default: String(DEFAULT_BOUNDS.ratio),
    group: LIMITS,
    numeric: true,
  },
} as const satisfies Options;

const TIMEOUT_OPTIONS = Object.fromEntries(
  Object.entries(TIMEOUTS).map(([name, { field, meaning }]) => [
    name,
    { value: 'TIME', meaning, default: durationOption(DEFAULTS[field]), group: TIMERS },
  ]),
) as Record<TimeoutName, OptionDescription & { readonly value: string }>;

/** The options of a job. */
export const JOB_OPTIONS = {
  packets: { meaning: 'also write the packets table' },
  'keep-copies': { meaning: 'also use captures that hold the same packets as another one; their packets count again' },
  dataset: { value: 'NAME', meaning: 'name of the data set', default: DEFAULT_DATASET },
  buckets: {
    value: 'N',
    meaning: 'slices of the flow-hash space',
    default: `those of the data set's first job, by default ${DEFAULT_BUCKETS}`,
    numeric: true,
  },
  'shard-by': {
    value: 'KEY',
    meaning: 'fields of the flow hash; 2tuple keeps all flows of a host pair in one bucket',
    default: SHARD_BY[0],
    choices: SHARD_BY,
  },
  key: {
    value: 'vlan,vni',
    meaning: 'include VLAN ids, network ids (vni) of tunnels, or both in the flow key',
    choices: ['vlan', 'vni', 'vlan,vni'],
  },
  'vxlan-port': {
    value: 'N',
    meaning: 'a UDP port that carries VXLAN, besides 4789 and 8472; several with commas, or the option again',
    repeatable: true,
    numeric: true,
  },
  ...BOUND_OPTIONS,
  ...TIMEOUT_OPTIONS,
} as const satisfies Options;

/** Options by name, as given: text, true for switches, whole numbers from JSON. */
export type GivenOptions = Partial<Record<keyof typeof JOB_OPTIONS, string | boolean | number>>;

export interface JobOptions {
  /** Undefined when it was not given. */
  dataset: string | undefined;
  buckets: number | undefined;
  shardBy: ShardBy;
  keyVlan: boolean;
  keyVni: boolean;
  /** Ascending. */
  vxlanPorts: readonly number[];
  sessions: SessionConfig;
  compression: CompressionBounds;
  packets: boolean;
  keepCopies: boolean;
}

/** Options of a marker object or of stored settings. @throws OptionError for an unknown option, or a value of another type */
export function givenOptions(value: unknown): GivenOptions {
  if (value === null || typeof value !== 'object' || Array.isArray(value))
    throw new OptionError('options are a JSON object such as {"packets": true, "tcp-timeout": "5m"}');
  for (const [name, given] of Object.entries(value)) {
    if (!Object.hasOwn(JOB_OPTIONS, name))
      throw new OptionError(`unknown option '${name}'; options are ${Object.keys(JOB_OPTIONS).join(', ')}`);
    if (given === undefined) continue;
    const { value: wanted, numeric }: OptionDescription = JOB_OPTIONS[name as keyof typeof JOB_OPTIONS];
    const kind = wanted === undefined ? 'boolean' : 'string';
    if (typeof given !== kind && !(numeric && typeof given === 'number'))
      throw new OptionError(
        `option '${name}' takes a ${kind}${numeric ? ' or a number' : ''}, not ${givenText(given)}`,
      );
  }
  return value as GivenOptions;
}

/** A value of JSON as text, cut where it is long: it comes from anybody who may write a marker. */
function givenText(given: unknown): string {
  if (given !== null && typeof given === 'object') return Array.isArray(given) ? 'a list' : 'an object';
  const text = JSON.stringify(given);
  return text.length <= 100 ? text : `${text.slice(0, 100)}...`;
}

/** Parses the options. @throws OptionError for an invalid value */
export function jobOptions(given: GivenOptions): JobOptions {
  const { dataset } = given;
  if (dataset !== undefined && !/^[A-Za-z0-9_-]{1,64}$/.test(String(dataset)))
    throw new OptionError(`--dataset takes up to 64 letters, digits, '-' and '_', not '${dataset}'`);
  const shardBy = SHARD_BY.find((by) => by === (given['shard-by'] ?? SHARD_BY[0]));
  if (shardBy === undefined)
    throw new OptionError(`--shard-by takes ${SHARD_BY.join(' or ')}, not '${given['shard-by']}'`);
  const keys = String(given.key ?? '')
    .split(',')
    .filter((key) => key !== '');
  for (const key of keys)
    if (key !== 'vlan' && key !== 'vni') throw new OptionError(`--key takes vlan and vni, not '${key}'`);
  const sessions: SessionConfig = { ...DEFAULTS };
  for (const [name, { field, canBeNever }] of Object.entries(TIMEOUTS) as [TimeoutName, Timer][]) {
    const text = given[name];
    if (text !== undefined) sessions[field] = parseDuration(String(text), optionFlag(name), canBeNever);
  }
  return {
    dataset: dataset === undefined ? undefined : String(dataset),
    buckets: wholeNumber(given.buckets === undefined ? undefined : String(given.buckets), '--buckets', 1, 65536),
    shardBy,
    keyVlan: keys.includes('vlan'),
    keyVni: keys.includes('vni'),
    vxlanPorts: vxlanPorts(given['vxlan-port']),
    sessions,
    compression: compressionBounds(given),
    packets: given.packets === true,
    keepCopies: given['keep-copies'] === true,
  };
}

/** Further ports of VXLAN, as given with --vxlan-port, ascending. @throws OptionError, also for a port that means something else */
export function vxlanPorts(given: string | boolean | number | undefined): number[] {
  const read = ports(given, '--vxlan-port');
  for (const port of read) {
    const meaning = meaningOfUdpPort(port);
    if (meaning !== undefined)
      throw new OptionError(
        `--vxlan-port ${port}: this port is that of ${meaning}, whose packets would be taken for VXLAN`,
      );
  }
  return read;
}

/** UDP ports with commas between, each once. @throws OptionError */
function ports(given: string | boolean | number | undefined, option: string): number[] {
  if (given === undefined) return [];
  const read = String(given)
    .split(',')
    .map((text) => wholeNumber(text.trim(), option, 1, 65535));
  return [...new Set(read.filter((port) => port !== undefined))].sort((a, b) => a - b);
}

/** Limits on compressed captures. @throws OptionError for an invalid value */
export function compressionBounds(given: Pick<GivenOptions, keyof typeof BOUND_OPTIONS>): CompressionBounds {
  const text = (name: keyof typeof BOUND_OPTIONS): string | undefined =>
    given[name] === undefined ? undefined : String(given[name]);
  const { zstdWindow, ratio } = DEFAULT_BOUNDS;
  return {
    zstdWindow:
      sizeOption(text('max-zstd-window'), '--max-zstd-window', LEAST_ZSTD_WINDOW, MOST_ZSTD_WINDOW) ?? zstdWindow,
    ratio: wholeNumber(text('max-compression-ratio'), '--max-compression-ratio', 1, 1_000_000_000) ?? ratio,
  };
}
