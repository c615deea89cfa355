/**
 * A process of the simulation: a function's invocation, or a command that somebody
 * types. Each of its calls takes its time and has its effect in one instant; the
 * process may die before a call, after one, or between two. What it was doing then
 * is never heard of again: its promises stay open for ever.
 */
import { StoreError } from '../../shared/store/objectstore.ts';
import type { Faults } from './scenario.ts';
import type { VirtualTime } from './time.ts';

/** What all processes share. */
export interface Surroundings {
  time: VirtualTime;
  /** Draws numbers in [0, 1). */
  next: () => number;
  faults: Faults;
}

/** Most calls after which a death is drawn: as many as planning the largest stage takes, about. */
const MOST_CALLS = 8000;

export class Process {
  /** Name of the deployed software that it runs. */
  readonly version: string;
  readonly startedAt: number;
  readonly surroundings: Surroundings;
  private readonly onDeath: () => void;
  private living = true;
  private calls = 0;
  /** Number of the call that it dies of, from 1; and whether that call is still made. */
  private readonly fatalCall: number;
  private readonly callIsMade: boolean;

  /** @param onDeath called once if the process dies before it has ended */
  constructor(surroundings: Surroundings, version: string, onDeath: () => void) {
    const { time, next, faults } = surroundings;
    this.surroundings = surroundings;
    this.version = version;
    this.onDeath = onDeath;
    this.startedAt = time.now;
    this.callIsMade = next() < 0.5;
    this.fatalCall = Number.POSITIVE_INFINITY;
    if (next() >= faults.crash) return;
    // Half of the deaths come at a call, early ones more often; the others by the clock.
    if (next() < 0.5) this.fatalCall = Math.ceil(MOST_CALLS ** next());
    else time.after(60_000 * 30 ** (2 * next() - 1), () => this.die());
  }

  get alive(): boolean {
    return this.living;
  }

  /** The process has done what it was there for. */
  end(): void {
    this.living = false;
  }

  die(): void {
    if (!this.living) return;
    this.living = false;
    this.onDeath();
  }

  /** Waits, which costs nothing; for ever if the process dies meanwhile. */
  async sleep(ms: number): Promise<void> {
    await this.surroundings.time.sleep(ms);
    if (!this.living) await forever();
  }

  /**
   * Asks a service for something.
   * @param effect what the service does, all of it at once
   * @param several what it does where that is not one step, in any order; the answer is `effect`'s
   */
  call<T>(effect: () => T, several: readonly (() => void)[] = []): Promise<T> {
    if (!this.living) return forever();
    const fatal = ++this.calls === this.fatalCall;
    const { time, next, faults } = this.surroundings;
    if (fatal && !this.callIsMade) {
      this.die();
      for (const step of several) if (next() < 0.5) step();
      return forever();
    }
    const ms = latency(next);
    // A request that had left when its sender died may arrive all the same.
    for (const step of several)
      time.after(ms * next(), () => {
        if (this.living || next() < 0.5) step();
      });
    return new Promise((resolve, reject) => {
      time.after(ms, () => {
        const failing = faults.noAnswer > 0 && next() < faults.noAnswer;
        if ((!this.living || failing) && next() < 0.5) {
          if (this.living) reject(noAnswer());
          return;
        }
        try {
          const answer = effect();
          if (fatal) this.die();
          if (!this.living) return;
          if (failing) reject(noAnswer());
          else resolve(answer);
        } catch (error) {
          reject(error);
        }
      });
    });
  }
}

function noAnswer(): StoreError {
  return new StoreError('io', '', 'the service did not answer, however often it was asked');
}

export function forever(): Promise<never> {
  return new Promise(() => {});
}

/** Milliseconds that a request takes: mostly some ten, now and then seconds, when it was sent again. */
function latency(next: () => number): number {
  const draw = next();
  if (draw > 0.999) return 2000 + 28_000 * next();
  return draw > 0.98 ? 100 + 2000 * next() : 8 + 40 * draw;
}
