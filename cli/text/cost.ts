/** The approximate cost of a job's requests: by the list prices of S3 Standard and SQS in us-east-1. Other regions differ by some percent. */
import type { RequestTotals } from '../../shared/job/protocol/stageresults.ts';

/** Dollars a request, by kind as tasks count them. Removing is free. */
const PRICES: Record<string, number> = {
  's3.list': 5e-6,
  's3.put': 5e-6,
  's3.upload': 5e-6,
  's3.part': 5e-6,
  's3.get': 0.4e-6,
  's3.head': 0.4e-6,
  's3.other': 5e-6,
  // The price of FIFO queues, the dearer kind; the free million each month is ignored.
  'sqs.send': 0.5e-6,
  'sqs.receive': 0.5e-6,
  'sqs.delete': 0.5e-6,
  'sqs.other': 0.5e-6,
};

/** Dollars. Kinds without a price (removals, bytes) cost nothing. */
export function requestCost(requests: RequestTotals): number {
  let dollars = 0;
  for (const [kind, count] of Object.entries(requests)) dollars += (PRICES[kind] ?? 0) * count;
  return dollars;
}

/** Dollars with as many digits as an estimate has: 'about $1.23'. */
export function aboutDollars(dollars: number): string {
  if (dollars < 0.01) return 'less than $0.01';
  return `about $${dollars < 10 ? dollars.toFixed(2) : Math.round(dollars).toLocaleString('en-US')}`;
}
