/**
 * The settings of a deployment. They are CDK context: given with
 * `-c name=value`, or kept in cdk.json under "context" so that later deployments
 * use them too. An unknown name is refused: a typo must not pass silently.
 */

import { isWide, STAGE_ORDER, STAGES, type WideStage } from '../shared/stage/stages.ts';

/** A setting that cannot be used; the message is for the user. */
export class SettingsError extends Error {
  override name = 'SettingsError';
}

/** Processor of the functions, by Lambda's name. */
export type Architecture = 'arm64' | 'x86_64';

/** Most tasks of a stage that run at once. */
type Concurrencies = Readonly<Record<`${WideStage}Concurrency`, number>>;

export interface Settings extends Concurrencies {
  /** Name that both stacks begin with. */
  name: string;
  architecture: Architecture;
  /** An existing bucket with captures; undefined: the stack creates one. */
  existingCaptures: string | undefined;
  /** ARN of the KMS key that the captures are encrypted with; undefined: none. */
  capturesKeyArn: string | undefined;
  /** Whether uploads start jobs. If false, an existing bucket is not changed. */
  uploadEvents: boolean;
  /** What happens to the buckets when the stack is destroyed. */
  dataOnDestroy: 'retain' | 'delete';
  /** Days that shards are kept, for later jobs with the same captures; in the last three of them no new job uses them. */
  shardDays: number;
  /** Days that logs are kept. */
  logDays: number;
  /** Where alarms are sent; undefined: nowhere. */
  alarmEmail: string | undefined;
  /** Glue database of the tables. */
  database: string;
  /** Gigabytes (10^9 bytes) that one Athena query may read. */
  scanLimitGB: number;
  /** Longest time-out of a function, in seconds; the messages of its queue stay hidden for six times that. */
  mostSeconds: number;
  /** Seconds for which a message stays hidden after its function has died. */
  leaseSeconds: number;
  /** For LocalStack: no catalog stack, and nothing that needs the CDK's bootstrap stack. */
  localstack: boolean;
}

/** Retentions that CloudWatch Logs supports, in days. */
const LOG_DAYS = [1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365];
/** What MaximumConcurrency may be (Lambda's limits). */
const CONCURRENCY = { least: 2, most: 1000 };

type Reader<Name extends keyof Settings> = (text: string | undefined, name: string) => Settings[Name];

type Context = Readonly<Record<string, unknown>>;

/** How each setting is read from its text; the keys are the settings there are. */
const READERS: { readonly [Name in keyof Settings]: Reader<Name> } = {
  name: (text = 'flowstitch', name) => matching(text, name, /^[a-z][a-z0-9-]{0,39}$/, 'lower-case letters, digits, -'),
  architecture: (text = 'arm64', name) => oneOf(text, name, ['arm64', 'x86_64']),
  existingCaptures: (text, name) =>
    text === undefined
      ? undefined
      : matching(text, name, /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/, 'the name of a bucket, without s3:// and prefix'),
  capturesKeyArn: (text, name) =>
    text === undefined
      ? undefined
      : matching(text, name, /^arn:[^:]+:kms:[^:]+:\d{12}:key\/[\w-]+$/, "a key's ARN (not that of an alias)"),
  uploadEvents: (text = 'true', name) => oneOf(text, name, ['true', 'false']) === 'true',
  dataOnDestroy: (text = 'retain', name) => oneOf(text, name, ['retain', 'delete']),
  shardDays: (text = '30', name) => whole(text, name, 7, 3650),
  logDays: (text = '30', name) => Number(oneOf(text, name, LOG_DAYS.map(String))),
  ...concurrencyReaders(),
  alarmEmail: (text, name) =>
    text === undefined ? undefined : matching(text, name, /^[^\s@]+@[^\s@]+$/, 'an e-mail address'),
  database: (text = 'flowstitch', name) =>
    matching(text, name, /^[a-z][a-z0-9_]{0,127}$/, 'lower-case letters, digits, _'),
  scanLimitGB: (text = '100', name) => whole(text, name, 1, 1_000_000),
  mostSeconds: (text = '900', name) => whole(text, name, 30, 900),
  leaseSeconds: (text = '90', name) => whole(text, name, 1, 900),
  localstack: (text = 'false', name) => oneOf(text, name, ['true', 'false']) === 'true',
};

/** The concurrency of each stage with many tasks; the default is the one in its description. */
function concurrencyReaders(): { readonly [Name in keyof Concurrencies]: Reader<Name> } {
  const readers = STAGE_ORDER.filter(isWide).map((stage) => [
    `${stage}Concurrency`,
    (text = String(STAGES[stage].atOnce), name: string) => whole(text, name, CONCURRENCY.least, CONCURRENCY.most),
  ]);
  return Object.fromEntries(readers);
}

export const SETTING_NAMES = Object.keys(READERS) as (keyof Settings)[];

/**
 * Reads the settings from CDK context.
 * @throws SettingsError naming the setting, what it was and what it may be
 */
export function readSettings(context: Context): Settings {
  // The CDK's own context names contain ':' or '/'.
  const unknown = Object.keys(context).find((name) => !/[:/]/.test(name) && !SETTING_NAMES.some((own) => own === name));
  if (unknown !== undefined)
    throw new SettingsError(`there is no setting '${unknown}'; there are ${SETTING_NAMES.join(', ')}`);
  const read = Object.entries(READERS).map(([name, reader]) => [name, reader(textOf(context[name]), name)]);
  const settings = Object.fromEntries(read) as Settings;
  if (!settings.uploadEvents && settings.existingCaptures === undefined)
    throw new SettingsError("uploadEvents=false is for an existing bucket: name it with '-c existingCaptures=BUCKET'");
  return settings;
}

function textOf(value: unknown): string | undefined {
  return value === undefined || value === '' ? undefined : String(value);
}

function wrong(name: string, text: string, allowed: string): SettingsError {
  return new SettingsError(`${name}=${text} cannot be used: ${name} must be ${allowed}`);
}

function oneOf<T extends string>(text: string, name: string, allowed: readonly T[]): T {
  const found = allowed.find((value) => value === text);
  if (found === undefined) throw wrong(name, text, `one of ${allowed.join(', ')}`);
  return found;
}

function whole(text: string, name: string, least: number, most: number): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < least || value > most)
    throw wrong(name, text, `a number from ${least} to ${most}`);
  return value;
}

function matching(text: string, name: string, pattern: RegExp, allowed: string): string {
  if (!pattern.test(text)) throw wrong(name, text, allowed);
  return text;
}
