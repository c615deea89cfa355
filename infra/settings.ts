/**
 * The settings of a deployment. They are CDK context: given with
 * `-c name=value`, or kept in cdk.json under "context" so that later deployments
 * use them too. An unknown name is refused: a typo must not pass silently.
 */

import { isWide, STAGE_ORDER, STAGES, type WideStage } from '../shared/stage/stages.ts';
import { boundsWithin, CONCURRENCY } from './concurrency.ts';
import { SettingsError } from './settingserror.ts';

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
  /** ARNs of the KMS keys that the captures are encrypted with. */
  capturesKeyArns: readonly string[];
  /** ARN of the KMS key that work and results are encrypted with; undefined: with S3's own. */
  dataKeyArn: string | undefined;
  /**
   * How uploads start jobs: true, by the bucket's notifications of new objects; eventbridge, by an EventBridge rule,
   * where an existing bucket has other notifications of these; false, not at all, and an existing bucket is not changed.
   */
  uploadEvents: boolean | 'eventbridge';
  /** What happens to the buckets when the stack is destroyed. */
  dataOnDestroy: 'retain' | 'delete';
  /** Days that shards are kept, for later jobs with the same captures; in the last three of them no new job uses them. */
  shardDays: number;
  /** Days between two cleanings by the schedule; 0: none. */
  cleanDays: number;
  /** Days that logs are kept. */
  logDays: number;
  /** Concurrent executions that the account allows; undefined: not asked for. */
  accountConcurrency: number | undefined;
  /** Where alarms are sent; undefined: nowhere. */
  alarmEmail: string | undefined;
  /** Glue database of the tables. */
  database: string;
  /** Gigabytes (10^9 bytes) that one Athena query may read. */
  scanLimitGB: number;
  /** Whether Lake Formation governs the Glue catalog: what the functions and analysts need is granted there too. */
  lakeFormation: boolean;
  /** ARNs of roles and users that may read the tables in Lake Formation. */
  analystArns: readonly string[];
  /** Longest time-out of a function, in seconds; the messages of its queue stay hidden for six times that. */
  mostSeconds: number;
  /** Seconds for which a message stays hidden after its function has died. */
  leaseSeconds: number;
  /** For LocalStack: no catalog stack, and nothing that needs the CDK's bootstrap stack. */
  localstack: boolean;
}

/** Settings by name, as text. */
export type SettingTexts = { [Name in keyof Settings]?: string };

/** Retentions that CloudWatch Logs supports, in days. */
const LOG_DAYS = [1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365];
/** A key's ARN in any partition. */
const KEY_ARN = { pattern: /^arn:[^:]+:kms:[^:]+:\d{12}:key\/[\w-]+$/, allowed: "a key's ARN (not that of an alias)" };
/** A role's or user's ARN in any partition. */
const PRINCIPAL_ARN = {
  pattern: /^arn:[^:]+:iam::\d{12}:(?:role|user)\/[\w+=,.@/-]+$/,
  allowed: 'ARNs of roles or users',
};
/** Where alarms are sent, for those who are asked and want none. */
export const NO_EMAIL = 'none';

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
  capturesKeyArns: (text, name) => list(text, name, KEY_ARN),
  dataKeyArn: (text, name) => (text === undefined ? undefined : matching(text, name, KEY_ARN.pattern, KEY_ARN.allowed)),
  uploadEvents: (text = 'true', name) => {
    const how = oneOf(text, name, ['true', 'false', 'eventbridge']);
    return how === 'eventbridge' ? how : how === 'true';
  },
  dataOnDestroy: (text = 'retain', name) => oneOf(text, name, ['retain', 'delete']),
  shardDays: (text = '30', name) => whole(text, name, 7, 3650),
  cleanDays: (text = '1', name) => whole(text, name, 0, 365),
  logDays: (text = '30', name) => Number(oneOf(text, name, LOG_DAYS.map(String))),
  ...concurrencyReaders(),
  accountConcurrency: (text, name) => (text === undefined ? undefined : whole(text, name, 1, 10_000_000)),
  alarmEmail: (text = NO_EMAIL, name) =>
    text === NO_EMAIL ? undefined : matching(text, name, /^[^\s@]+@[^\s@]+$/, `an e-mail address, or ${NO_EMAIL}`),
  database: (text = 'flowstitch', name) =>
    matching(text, name, /^[a-z][a-z0-9_]{0,127}$/, 'lower-case letters, digits, _'),
  scanLimitGB: (text = '100', name) => whole(text, name, 1, 1_000_000),
  lakeFormation: (text = 'false', name) => oneOf(text, name, ['true', 'false']) === 'true',
  analystArns: (text, name) => list(text, name, PRINCIPAL_ARN),
  mostSeconds: (text = '900', name) => whole(text, name, 30, 900),
  leaseSeconds: (text = '90', name) => whole(text, name, 1, 900),
  localstack: (text = 'false', name) => oneOf(text, name, ['true', 'false']) === 'true',
};

function settingOf(stage: WideStage): keyof Concurrencies {
  return `${stage}Concurrency`;
}

/** The concurrency of each stage with many tasks; the default is the one in its description. */
function concurrencyReaders(): { readonly [Name in keyof Concurrencies]: Reader<Name> } {
  const readers = STAGE_ORDER.filter(isWide).map((stage) => [
    settingOf(stage),
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
  if (settings.uploadEvents !== true && settings.existingCaptures === undefined)
    throw new SettingsError(
      `uploadEvents=${settings.uploadEvents} is for an existing bucket: name it with '-c existingCaptures=BUCKET'`,
    );
  if (settings.analystArns.length > 0 && !settings.lakeFormation)
    throw new SettingsError(
      "analystArns is for catalogs that Lake Formation governs: add '-c lakeFormation=true', or attach the policy " +
        'that the catalog stack prints to these roles',
    );
  return withinAccount(settings, context);
}

/** The settings with concurrencies that fit into the account, where it is known what that allows. */
function withinAccount(settings: Settings, context: Context): Settings {
  if (settings.accountConcurrency === undefined) return settings;
  const given = STAGE_ORDER.filter(isWide).filter((stage) => textOf(context[settingOf(stage)]) !== undefined);
  const bounds = boundsWithin(
    settings.accountConcurrency,
    Object.fromEntries(given.map((stage) => [stage, settings[settingOf(stage)]])),
  );
  const fitting = Object.entries(bounds).map(([stage, bound]) => [settingOf(stage as WideStage), bound]);
  return { ...settings, ...Object.fromEntries(fitting) };
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

/** A list, as text with commas. */
function list(text: string | undefined, name: string, each: { pattern: RegExp; allowed: string }): string[] {
  const items = (text ?? '').split(',').map((item) => item.trim());
  return items.filter((item) => item !== '').map((item) => matching(item, name, each.pattern, each.allowed));
}

function matching(text: string, name: string, pattern: RegExp, allowed: string): string {
  if (!pattern.test(text)) throw wrong(name, text, allowed);
  return text;
}
