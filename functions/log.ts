/** Structured logs and metrics. Nothing of a packet's content is ever in them. */
import { Logger } from '@aws-lambda-powertools/logger';
import { Metrics, MetricUnit } from '@aws-lambda-powertools/metrics';

export const logger = new Logger();
/** Two pipelines in one account have metrics, and alarms, of their own. */
const metrics = new Metrics({ defaultDimensions: { stack: process.env.FLOWSTITCH_STACK ?? 'unknown' } });

/** A value of a metric, published when the invocation ends. */
export function measure(name: string, unit: 'count' | 'bytes' | 'seconds', value: number): void {
  const units = { count: MetricUnit.Count, bytes: MetricUnit.Bytes, seconds: MetricUnit.Seconds };
  metrics.addMetric(name, units[unit], value);
}

/** Publishes what was measured in this invocation, if anything was. */
export function publishMeasures(): void {
  if (metrics.hasStoredMetrics()) metrics.publishStoredMetrics();
}
