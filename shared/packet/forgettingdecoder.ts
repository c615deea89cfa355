/**
 * Decoding that leaves out the packets of some hosts: a record in which one of them is an end of an IP packet, at any
 * level, appends nothing and reports nothing. So what is in a tunnel of such a host goes with it, and so do the outer
 * packets around one of its own. A class of its own, so that the decoder of all other jobs has no such test.
 *
 * A fragment whose kept bytes hold such an address is left out too: it may be the head of a tunnel's datagram, which is
 * only decoded when all of that is there.
 */
import type { Anomaly, AnomalySink } from '../capture/anomaly.ts';
import type { PacketColumns } from './columns.ts';
import { type DecodeConfig, PacketDecoder } from './decode.ts';
import type { FlowTable } from './flow/flowtable.ts';
import { FRAGMENT_HEAD_BYTES, type FragmentColumns } from './fragmentcolumns.ts';
import { HostSet } from './hostset.ts';

/** In place of a fate: the record is of a host that is left out. */
export const FORGOTTEN = -1;

/** The decoder that a configuration asks for; parameters as of PacketDecoder. */
export function decoderOf(
  config: DecodeConfig,
  columns: PacketColumns,
  flows: FlowTable,
  fragments: FragmentColumns,
  anomalies: AnomalySink,
): PacketDecoder {
  const { forgotten = [] } = config;
  return forgotten.length === 0
    ? new PacketDecoder(config, columns, flows, fragments, anomalies)
    : new ForgettingDecoder(config, new HostSet(forgotten), columns, flows, fragments, anomalies);
}

class ForgettingDecoder extends PacketDecoder {
  private readonly hosts: HostSet;
  /** Whether the current record is left out. */
  private leftOut = false;
  /** What the current record reports. */
  private readonly reports: Anomaly[];
  private readonly sink: AnomalySink;

  constructor(
    config: DecodeConfig,
    hosts: HostSet,
    columns: PacketColumns,
    flows: FlowTable,
    fragments: FragmentColumns,
    sink: AnomalySink,
  ) {
    const reports: Anomaly[] = [];
    super(config, columns, flows, fragments, { anomaly: (...anomaly) => void reports.push(anomaly) });
    this.hosts = hosts;
    this.reports = reports;
    this.sink = sink;
  }

  protected override decode(next: number, detail: string, linkType: number): number {
    const { columns, fragments, reports } = this;
    const { length } = columns;
    const { length: fragmentsBefore, headBytes } = fragments;
    this.leftOut = false;
    reports.length = 0;
    const fate = super.decode(next, detail, linkType);
    if (this.leftOut) {
      columns.length = length;
      fragments.length = fragmentsBefore;
      fragments.headBytes = headBytes;
      return FORGOTTEN;
    }
    for (const report of reports) this.sink.anomaly(...report);
    return fate;
  }

  protected override append(): void {
    this.look();
    if (!this.leftOut) super.append();
  }

  protected override appendFragment(): void {
    const { bytes, pos, end } = this.cursor;
    this.look();
    this.leftOut ||= this.hosts.isIn(bytes, pos, Math.min(end, pos + FRAGMENT_HEAD_BYTES));
    if (!this.leftOut) super.appendFragment();
  }

  protected override overIp(next: number): number {
    this.look();
    return super.overIp(next);
  }

  /** Rows of a record that is left out are not there to be raised. */
  protected override raiseOuters(from: number, depth: number): void {
    if (!this.leftOut) super.raiseOuters(from, depth);
  }

  private look(): void {
    this.leftOut ||= this.hosts.hasEnd(this.cursor);
  }
}
