/**
 * Captures whose clock stands apart: one that was not set, or jumped, puts packets years away from all others. Nothing
 * is corrected; the job's summary names them.
 */
import { timeText } from '../../text/timetext.ts';
import type { RankedCapture } from '../tasks/maptask.ts';

/** More than this between captures, or within one, and a clock is doubtful: 365 days, microseconds. */
export const APART_US = 365 * 86_400e6;

/** A capture whose packets are far from those of the others, or from each other. */
export interface ClockApart {
  capture: string;
  /** Earliest and latest packet, UTC with nanoseconds. */
  firstPacket: string;
  lastPacket: string;
}

/** The earliest and latest packet of captures, UTC with nanoseconds; null without packets. */
export interface PacketSpan {
  firstPacket: string | null;
  lastPacket: string | null;
}

interface Span {
  capture: string;
  packets: number;
  firstUs: number;
  firstNs: number;
  lastUs: number;
  lastNs: number;
}

function spansOf(captures: readonly RankedCapture[]): Span[] {
  const spans: Span[] = [];
  for (const { capture, facts } of captures) {
    const { firstUs, firstNs, lastUs, lastNs, records: packets } = facts;
    if (firstUs === null || lastUs === null) continue;
    spans.push({ capture: capture.name, packets, firstUs, firstNs: firstNs ?? 0, lastUs, lastNs: lastNs ?? 0 });
  }
  return spans;
}

export function packetSpan(captures: readonly RankedCapture[]): PacketSpan {
  let first: Span | undefined;
  let last: Span | undefined;
  for (const span of spansOf(captures)) {
    if (first === undefined || span.firstUs < first.firstUs) first = span;
    else if (span.firstUs === first.firstUs && span.firstNs < first.firstNs) first = span;
    if (last === undefined || span.lastUs > last.lastUs) last = span;
    else if (span.lastUs === last.lastUs && span.lastNs > last.lastNs) last = span;
  }
  return {
    firstPacket: first === undefined ? null : timeText(first.firstUs, first.firstNs),
    lastPacket: last === undefined ? null : timeText(last.lastUs, last.lastNs),
  };
}

/**
 * Captures that are more than a year from the others, or span more than a year themselves, in order of rank. Where gaps
 * of more than a year part the captures into groups, the others are the group of the most captures, of equal ones that
 * with more packets, of these the latest: a clock that was not set begins in the past. Where that group has the
 * smaller part of the captures, they are an archive of several times, and only those that span a year are named.
 */
export function clocksApart(captures: readonly RankedCapture[]): ClockApart[] {
  const spans = spansOf(captures);
  const apart = new Set(spans.filter(({ firstUs, lastUs }) => lastUs - firstUs > APART_US));
  const groups = groupsOf(spans.filter((span) => !apart.has(span)));
  let others = groups[0];
  for (const group of groups)
    if (group.length > others.length || (group.length === others.length && packetsOf(group) >= packetsOf(others)))
      others = group;
  const grouped = groups.reduce((sum, group) => sum + group.length, 0);
  if (groups.length > 0 && 2 * others.length >= grouped)
    for (const group of groups) if (group !== others) for (const span of group) apart.add(span);
  return spans
    .filter((span) => apart.has(span))
    .map(({ capture, firstUs, firstNs, lastUs, lastNs }) => ({
      capture,
      firstPacket: timeText(firstUs, firstNs),
      lastPacket: timeText(lastUs, lastNs),
    }));
}

/** Spans with no gap of more than a year between them, groups and spans in order of time. */
function groupsOf(spans: readonly Span[]): Span[][] {
  const groups: Span[][] = [];
  let end = Number.NEGATIVE_INFINITY;
  for (const span of [...spans].sort((a, b) => a.firstUs - b.firstUs)) {
    if (span.firstUs - end > APART_US) groups.push([]);
    groups[groups.length - 1].push(span);
    end = Math.max(end, span.lastUs);
  }
  return groups;
}

function packetsOf(group: readonly Span[]): number {
  return group.reduce((sum, { packets }) => sum + packets, 0);
}
