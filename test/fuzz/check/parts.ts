/**
 * The parts of Flowstitch that the fuzzer examines, so that a test can replace each with a broken one and check that it
 * is found.
 */
import type { AnomalySink } from '../../../shared/capture/anomaly.ts';
import { readCapture } from '../../../shared/capture/read.ts';
import type { PacketColumns } from '../../../shared/packet/columns.ts';
import { type DecodeConfig, PacketDecoder } from '../../../shared/packet/decode.ts';
import type { FlowTable } from '../../../shared/packet/flow/flowtable.ts';
import type { FragmentColumns } from '../../../shared/packet/fragmentcolumns.ts';
import type { PacketOutput } from '../../../shared/session/rows/packetrow.ts';
import type { SessionRows } from '../../../shared/session/rows/sessionrows.ts';
import { DEFAULTS } from '../../../shared/session/sessionconfig.ts';
import { SessionTracker } from '../../../shared/session/tracker.ts';

export interface Parts {
  readCapture: typeof readCapture;
  decoder(
    config: DecodeConfig,
    columns: PacketColumns,
    flows: FlowTable,
    fragments: FragmentColumns,
    anomalies: AnomalySink,
  ): Pick<PacketDecoder, 'packet' | 'capture'>;
  tracker(
    flows: FlowTable,
    rows: SessionRows,
    onRowsFull: () => void,
    packets: PacketOutput,
  ): Pick<SessionTracker, 'packet' | 'finish' | 'orphanFragments'>;
}

export const PARTS: Parts = {
  readCapture,
  decoder: (...args) => new PacketDecoder(...args),
  tracker: (...args) => new SessionTracker(DEFAULTS, ...args),
};
