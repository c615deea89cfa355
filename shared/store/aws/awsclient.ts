/** Settings of all AWS clients: timeouts, retries and the endpoint. */
import { setTimeout as delay } from 'node:timers/promises';

/** What a caller may set; everything else (region, credentials, endpoint) comes from the SDK's default sources. */
export interface ClientOptions {
  /** URL of an endpoint to use instead of AWS's own. */
  endpoint?: string;
  region?: string;
  credentials?: { accessKeyId: string; secretAccessKey: string };
  /** Most attempts at one request. */
  attempts?: number;
  /** Milliseconds without a byte in either direction after which a connection counts as broken. */
  stallMs?: number;
}

/**
 * Connections of one client. More than the requests that run at once (64): a request that waits for a free connection
 * would run into the connection timeout.
 */
const SOCKETS = 256;
const CONNECT_MS = 5_000;
const STALL_MS = 30_000;
const ATTEMPTS = 9;
/** Longest wait before an attempt. */
const LONGEST_WAIT_MS = 20_000;
/** First wait after a broken connection or an internal error of the service. */
const TRANSIENT_MS = 100;
/** First wait after a throttling response. */
const THROTTLED_MS = 500;

/** Settings for the constructor of any of the SDK's clients. */
export function clientSettings(options: ClientOptions) {
  const agent = { keepAlive: true, maxSockets: SOCKETS };
  const { endpoint, region, credentials, attempts = ATTEMPTS, stallMs = STALL_MS } = options;
  return {
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(region === undefined ? {} : { region }),
    ...(credentials === undefined ? {} : { credentials }),
    retryStrategy: new PatientRetries(attempts),
    requestHandler: {
      connectionTimeout: CONNECT_MS,
      socketTimeout: stallMs,
      httpAgent: agent,
      httpsAgent: agent,
    },
  };
}

/** Whether the client of a service ('S3', 'SQS') is configured with another endpoint than AWS's. */
export function hasOwnEndpoint(service: string, options: ClientOptions): boolean {
  return (options.endpoint ?? environmentEndpoint(service)) !== undefined;
}

/** URL of the endpoint that the environment sets for a service. */
export function environmentEndpoint(service: string): string | undefined {
  return process.env[`AWS_ENDPOINT_URL_${service}`] ?? process.env.AWS_ENDPOINT_URL;
}

/**
 * Milliseconds to wait before the next attempt. Doubles each time, with jitter between half of that and all of it:
 * clients that were throttled together do not retry together, and none retries at once.
 * @param failures how often it has failed in a row, from 1
 */
export function backoff(failures: number, firstMs = TRANSIENT_MS): number {
  const longest = Math.min(LONGEST_WAIT_MS, firstMs * 2 ** (failures - 1));
  return longest * (0.5 + Math.random() / 2);
}

/** Waits as `backoff` says. */
export async function backOff(failures: number, firstMs?: number, signal?: AbortSignal): Promise<void> {
  await delay(backoff(failures, firstMs), undefined, { signal });
}

interface RetryToken {
  getRetryCount(): number;
  getRetryDelay(): number;
}

/**
 * When a request is sent again. The SDK's strategies share a retry quota of 500 among all requests of a client; a retry
 * after a broken connection takes 14 of it and one after SlowDown 5: 64 requests that fail together would exhaust it,
 * and half of them would fail without a second attempt. The adaptive strategy, besides, slows down all requests of a
 * client for one busy prefix. Here each request has its own attempts; exponential backoff with jitter, up to 20 s,
 * gives S3 the time to split a busy prefix.
 */
class PatientRetries {
  private readonly attempts: number;

  constructor(attempts: number) {
    this.attempts = attempts;
  }

  async acquireInitialRetryToken(): Promise<RetryToken> {
    return retryToken(0, 0);
  }

  /** @throws when the request is not to be retried; the caller gets the request's own error */
  async refreshRetryTokenForRetry(
    token: RetryToken,
    failure: { errorType: string; retryAfterHint?: Date },
  ): Promise<RetryToken> {
    const failures = token.getRetryCount() + 1;
    const throttled = failure.errorType === 'THROTTLING';
    if (!throttled && failure.errorType !== 'TRANSIENT') throw new Error('another attempt would not help');
    if (failures >= this.attempts) throw new Error('no attempts left');
    const asked = failure.retryAfterHint === undefined ? 0 : failure.retryAfterHint.getTime() - Date.now();
    const wait = backoff(failures, throttled ? THROTTLED_MS : TRANSIENT_MS);
    return retryToken(failures, Math.max(wait, Math.min(asked, LONGEST_WAIT_MS)));
  }

  recordSuccess(): void {}
}

function retryToken(count: number, wait: number): RetryToken {
  return { getRetryCount: () => count, getRetryDelay: () => wait };
}
