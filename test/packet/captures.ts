/** The corpus of captures next to the repository, and a decoder of its captures. */
import { createReadStream, existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { readCapture } from '../../shared/capture/read.ts';
import { PacketColumns } from '../../shared/packet/columns.ts';
import { PacketDecoder } from '../../shared/packet/decode.ts';
import { FATES } from '../../shared/packet/fate.ts';
import { FlowTable } from '../../shared/packet/flow/flowtable.ts';
import { FragmentColumns } from '../../shared/packet/fragmentcolumns.ts';

export const CORPUS = fileURLToPath(new URL('../../../shared/corpus/', import.meta.url));

/** For the `skip` option of a test: false when the corpus exists. */
export const noCorpus: string | false = existsSync(CORPUS) ? false : 'corpus not found';

export interface Decoded {
  records: number;
  /** Records by fate. */
  fates: Float64Array;
  columns: PacketColumns;
  flows: FlowTable;
  fragments: FragmentColumns;
}

/** Reads and decodes a whole capture. */
export async function decodeCapture(path: string): Promise<Decoded> {
  const decoded: Decoded = {
    records: 0,
    fates: new Float64Array(FATES.length),
    columns: new PacketColumns(1024),
    flows: new FlowTable(),
    fragments: new FragmentColumns(16),
  };
  const { columns, flows, fragments, fates } = decoded;
  const quiet = { anomaly() {} };
  const decoder = new PacketDecoder({ keyVlan: false }, columns, flows, fragments, quiet);
  const sink = {
    record(...[bytes, start, capLen, origLen, us, ns, linkType, offset]: Parameters<PacketDecoder['packet']>) {
      decoded.records++;
      fates[decoder.packet(bytes, start, capLen, origLen, us, ns, linkType, offset)]++;
    },
  };
  await readCapture(createReadStream(path), sink, quiet);
  return decoded;
}
