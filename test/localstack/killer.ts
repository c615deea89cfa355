/** Kills processes of a pipeline's functions while they work, at random moments, so often that every task can still be done. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Stage } from '../../shared/job/protocol/stageresults.ts';
import { isWide, STAGE_ORDER } from '../../shared/stage/stages.ts';
import { between } from '../job/harness.ts';
import { type FunctionProcess, functionProcesses } from './stack.ts';

const LOOK_MS = 30;
/** Tasks of these captures take a fraction of a second. */
const LONGEST_DELAY_MS = 300;
/** Deaths of a stage's functions, at most: a task is tried five times, and each death costs seconds. */
const mostKills = (stage: Stage): number => (isWide(stage) ? 3 : 1);

export class Killer {
  /** Processes killed so far. */
  readonly kills = Object.fromEntries(STAGE_ORDER.map((stage) => [stage, 0])) as Record<Stage, number>;
  private readonly stack: string;
  private readonly next: () => number;
  /** Invocations that were looked at, whether they died or not. */
  private readonly known = new Set<string>();
  private readonly pending: Promise<void>[] = [];
  private readonly looking: Promise<void>;
  private stopped = false;

  /** @param stack whose functions are killed. @param next draws the moments */
  constructor(stack: string, next: () => number) {
    this.stack = stack;
    this.next = next;
    this.looking = this.look();
    // Whoever stops it hears of what went wrong.
    this.looking.catch(() => {});
  }

  async stop(): Promise<void> {
    this.stopped = true;
    await this.looking;
    await Promise.all(this.pending);
  }

  private async look(): Promise<void> {
    while (!this.stopped) {
      for (const process of await functionProcesses()) {
        if (process.request === null || this.known.has(process.request)) continue;
        this.known.add(process.request);
        const stage = this.stageOf(process);
        if (stage !== undefined) this.pending.push(this.killLater(process, stage));
      }
      await sleep(LOOK_MS);
    }
  }

  /** The executor names a process after its function, and CloudFormation the function after stack and stage. */
  private stageOf({ function: name }: FunctionProcess): Stage | undefined {
    return STAGE_ORDER.find((stage) => name.startsWith(`${this.stack}-Function${stage}`));
  }

  private async killLater({ pid, request }: FunctionProcess, stage: Stage): Promise<void> {
    await sleep(between(this.next, 0, LONGEST_DELAY_MS));
    const still = (await functionProcesses()).some((process) => process.pid === pid && process.request === request);
    if (!still || this.stopped || this.kills[stage] >= mostKills(stage)) return;
    this.kills[stage]++;
    process.kill(pid, 'SIGKILL');
  }
}
