/**
 * How many tasks run at once. Every event source is bounded (messages above the bound are not received), and the bounds
 * fit into what the account allows: a new account may have 10 concurrent executions in a region.
 *
 * An invocation that is throttled nevertheless is tried again by Lambda itself for as long as its message is hidden (six
 * times the function's time-out), and only then counts as one of the message's attempts. So an account that allows
 * fewer than all bounds together still runs every job, more slowly.
 */
import { isWide, STAGE_ORDER, STAGES, type WideStage } from '../shared/stage/stages.ts';
import { SettingsError } from './settingserror.ts';

/** Lambda's limits of an event source's MaximumConcurrency. */
export const CONCURRENCY = { least: 2, most: 1000 };

/** Event sources of the functions beside the stages: uploads, and dead letters in both kinds of queue. */
const SOURCES_BESIDE = 3;
/** Executions that everything but the wide stages may need at once; the watchdog and the clean function need one each. */
const BESIDE = (STAGE_ORDER.filter((stage) => !isWide(stage)).length + SOURCES_BESIDE) * CONCURRENCY.least + 2;

/** Stages with many tasks, and how many of them run at once where the account allows it. */
const USUAL = STAGE_ORDER.filter(isWide).map((stage): [WideStage, number] => [stage, STAGES[stage].atOnce!]);

/** Most tasks at once, by stage. */
export type Bounds = Readonly<Record<WideStage, number>>;

/**
 * Bounds that fit into an account: those that were given as they are, the others in proportion to the usual ones, at
 * least two each.
 * @param account concurrent executions that the account allows all its functions without a reserve of their own
 * @throws SettingsError when those that were given leave too little for the others
 */
export function boundsWithin(account: number, given: Partial<Bounds> = {}): Bounds {
  const { least } = CONCURRENCY;
  const fixed = USUAL.reduce((sum, [stage]) => sum + (given[stage] ?? least), 0);
  if (fixed > Math.max(account - BESIDE, least * USUAL.length)) throw tooHigh(account, given, fixed + BESIDE);
  const free = USUAL.filter(([stage]) => given[stage] === undefined);
  const extra = free.reduce((sum, [, usual]) => sum + usual - least, 0);
  const share = Math.min(1, Math.max(0, account - BESIDE - fixed) / Math.max(1, extra));
  return Object.fromEntries(
    USUAL.map(([stage, usual]) => [stage, given[stage] ?? least + Math.floor((usual - least) * share)]),
  ) as Bounds;
}

function tooHigh(account: number, given: Partial<Bounds>, needed: number): SettingsError {
  const names = Object.entries(given).map(([stage, bound]) => `${stage}Concurrency=${bound}`);
  const fitting = Object.entries(boundsWithin(account)).map(([stage, bound]) => `${stage} ${bound}`);
  return new SettingsError(
    `${names.join(', ')} cannot be used: all functions together would need ${needed} concurrent executions, and this ` +
      `account allows ${account} in this region. Leave it out (then they are ${fitting.join(', ')}), or ask AWS for ` +
      'more: aws service-quotas request-service-quota-increase --service-code lambda --quota-code L-B99A9384 --desired-value 1000',
  );
}
