/**
 * What a person may ask of a job, under the names of the command line's options: the
 * same for a run on one machine, a job that is submitted, a marker object that
 * starts one, and a prefix whose captures start them by themselves.
 */
import {
  type CompressionBounds,
  DEFAULT_BOUNDS,
  LEAST_ZSTD_WINDOW,
  MOST_ZSTD_WINDOW,
} from '../capture/compression/bounds.ts';
import type { ShardBy } from '../packet/flow/flowtable.ts';
import { DEFAULTS, type SessionConfig } from '../session/sessionconfig.ts';
import type { ObjectStore } from '../store/objectstore.ts';
import { DEFAULT_BUCKETS, datasetSharding } from './dataset.ts';
import type { JobConfig, Sizes } from './jobconfig.ts';
import { durationOption, OptionError, parseDuration, sizeOption, sizeText, wholeNumber } from './optionvalues.ts';

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
/** The data set of a run that names none. */
export const DEFAULT_DATASET = 'default';
/** Timers that a session can do without. */
const CAN_BE_NEVER = new Set(['tcp-reset-delay']);

/** Options on what compressed captures may ask for: of a job, and of whoever reads a capture. */
export const BOUND_OPTIONS = {
  'max-zstd-window': { type: 'string' },
  'max-compression-ratio': { type: 'string' },
} as const;

/** The options, as Node's parser of arguments takes them. */
export const JOB_OPTIONS = {
  packets: { type: 'boolean' },
  dataset: { type: 'string' },
  buckets: { type: 'string' },
  'shard-by': { type: 'string' },
  key: { type: 'string' },
  'tcp-timeout': { type: 'string' },
  'udp-timeout': { type: 'string' },
  'icmp-timeout': { type: 'string' },
  'other-timeout': { type: 'string' },
  'long-timeout': { type: 'string' },
  'tcp-attempt-delay': { type: 'string' },
  'tcp-close-delay': { type: 'string' },
  'tcp-reset-delay': { type: 'string' },
  ...BOUND_OPTIONS,
} as const;
/** Options that a JSON object may give as numbers. */
const NUMBERS = new Set(['buckets', 'max-zstd-window', 'max-compression-ratio']);

/** Help on what compressed captures may ask for. */
export const BOUNDS_HELP = `  --max-zstd-window SIZE
                      memory that a zstd frame may ask for (default ${sizeText(DEFAULT_BOUNDS.zstdWindow)}, at most ${sizeText(MOST_ZSTD_WINDOW)})
  --max-compression-ratio N
                      bytes that a compressed byte may give, beyond a capture's first 100 MB (default ${DEFAULT_BOUNDS.ratio})
`;

/** Help on the options that say what is wanted, without `--dataset`, whose default differs. */
export const JOB_OPTIONS_HELP = `  --packets           make the packets table too
  --buckets P         slices of the flow-hash space (default ${DEFAULT_BUCKETS})
  --shard-by KEY      5tuple (default), 4tuple, or 2tuple: keep all of a host pair in one place
  --key vlan,vni      VLAN ids, network identifiers (vni) of tunnels, or both are part of what makes a session
${BOUNDS_HELP}`;

export const TIMEOUTS_HELP = Object.entries(TIMEOUTS)
  .map(([option, field]) => `  --${option.padEnd(18)}${durationOption(DEFAULTS[field])}\n`)
  .join('');

/** Options by name, as they were given: text, true for those without a value, whole numbers from JSON. */
export type GivenOptions = Partial<Record<keyof typeof JOB_OPTIONS, string | boolean | number>>;

export interface JobOptions {
  /** Undefined when it was not given. */
  dataset: string | undefined;
  buckets: number | undefined;
  shardBy: ShardBy;
  keyVlan: boolean;
  keyVni: boolean;
  sessions: SessionConfig;
  compression: CompressionBounds;
  packets: boolean;
}

/** Values of a marker object or of stored settings. @throws OptionError for an option that there is not, or a value of another kind */
export function givenOptions(value: unknown): GivenOptions {
  if (value === null || typeof value !== 'object' || Array.isArray(value))
    throw new OptionError('options are a JSON object such as {"packets": true, "tcp-timeout": "5m"}');
  for (const [name, given] of Object.entries(value)) {
    if (!Object.hasOwn(JOB_OPTIONS, name))
      throw new OptionError(`there is no option '${name}'; there are ${Object.keys(JOB_OPTIONS).join(', ')}`);
    const wanted = JOB_OPTIONS[name as keyof typeof JOB_OPTIONS].type;
    if (typeof given !== wanted && !(NUMBERS.has(name) && typeof given === 'number'))
      throw new OptionError(`option '${name}' takes a ${wanted}, not ${JSON.stringify(given)}`);
  }
  return value as GivenOptions;
}

/** What the options mean. @throws OptionError for a value that an option does not take */
export function jobOptions(given: GivenOptions): JobOptions {
  const { dataset } = given;
  if (dataset !== undefined && !/^[A-Za-z0-9_-]{1,64}$/.test(String(dataset)))
    throw new OptionError(`--dataset takes up to 64 letters, digits, '-' and '_', not '${dataset}'`);
  const shardBy = given['shard-by'] ?? '5tuple';
  if (shardBy !== '5tuple' && shardBy !== '4tuple' && shardBy !== '2tuple')
    throw new OptionError(`--shard-by takes 5tuple, 4tuple or 2tuple, not '${shardBy}'`);
  const keys = String(given.key ?? '')
    .split(',')
    .filter((key) => key !== '');
  for (const key of keys)
    if (key !== 'vlan' && key !== 'vni') throw new OptionError(`--key takes vlan and vni, not '${key}'`);
  const sessions: SessionConfig = { ...DEFAULTS };
  for (const [option, field] of Object.entries(TIMEOUTS)) {
    const text = given[option as keyof typeof TIMEOUTS];
    if (text !== undefined) sessions[field] = parseDuration(String(text), option, CAN_BE_NEVER.has(option));
  }
  return {
    dataset: dataset === undefined ? undefined : String(dataset),
    buckets: wholeNumber(given.buckets === undefined ? undefined : String(given.buckets), '--buckets', 1, 65536),
    shardBy,
    keyVlan: keys.includes('vlan'),
    keyVni: keys.includes('vni'),
    sessions,
    compression: compressionBounds(given),
    packets: given.packets === true,
  };
}

/** What compressed captures may ask for. @throws OptionError for a value that an option does not take */
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

/** The configuration of a job of a data set: the options, and what the data set's first job has fixed. */
export async function jobConfig(
  store: ObjectStore,
  dataset: string,
  options: JobOptions,
  sizes: Sizes,
  onDamaged?: (words: string) => void,
): Promise<JobConfig> {
  return {
    dataset,
    sharding: await datasetSharding(store, dataset, options.shardBy, options.buckets, onDamaged),
    decode: { keyVlan: options.keyVlan, keyVni: options.keyVni },
    compression: options.compression,
    sessions: options.sessions,
    packets: options.packets,
    sizes,
  };
}
