/**
 * Decoding that leaves out the packets of some hosts: a record in which one of them is an end of an IP packet, at any
 * level, appends nothing and reports nothing. So what is in a tunnel of such a host goes with it, and so do the outer
 * packets around one of its own. A class of its own, so that the decoder of all other jobs has no such test.
 *
 * The first fragment of a tunnel's datagram is left out too where the headers inside hold such an address: the tunnel is
 * only decoded when all of it is there. Bytes of any other fragment may look like an address, and are not looked at.
 */
import type { Anomaly, AnomalySink } from '../capture/anomaly.ts';
import type { PacketColumns } from './columns.ts';
import { type DecodeConfig, PacketDecoder } from './decode.ts';
import type { FlowTable } from './flow/flowtable.ts';
import type { FragmentColumns } from './fragmentcolumns.ts';
import { HostSet } from './hostset.ts';

const UDP = 17;
/** IP protocols in which packets travel: IPv4, IPv6, GRE, EtherIP, L2TPv3. */
const IP_TUNNELS: ReadonlySet<number> = new Set([4, 41, 47, 97, 115]);
/** Within so many bytes of a tunnel's datagram lie the addresses inside: UDP, a tunnel's and an Ethernet header, tags, IPv6. */
const INNER_HEADERS_BYTES = 96;

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
    this.leftOut ||= this.isTunnelHead() && this.hosts.isIn(bytes, pos, Math.min(end, pos + INNER_HEADERS_BYTES));
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

  /** Whether the fragment under the cursor begins a datagram in which another packet travels. */
  private isTunnelHead(): boolean {
    const { bytes, pos, end, proto, fragOffset, tunnelPorts } = this.cursor;
    if (fragOffset > 0) return false;
    if (proto !== UDP) return IP_TUNNELS.has(proto);
    const port = (at: number): number => (bytes[at] << 8) | bytes[at + 1];
    return end - pos >= 4 && tunnelPorts.tunnel(port(pos), port(pos + 2)) >= 0;
  }

  private look(): void {
    this.leftOut ||= this.hosts.hasEnd(this.cursor);
  }
}
