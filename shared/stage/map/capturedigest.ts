/** The digest of the capture being read, over its rows and fragments, some at a time, before they are written. */
import type { PacketColumns } from '../../packet/columns.ts';
import type { FlowTable } from '../../packet/flow/flowtable.ts';
import type { FragmentColumns } from '../../packet/fragmentcolumns.ts';
import { RecordDigest } from '../../packet/recorddigest.ts';
import type { Workspace } from './workspace.ts';

export class CaptureDigest {
  /** First row, and first fragment, not yet digested. */
  nextRow = 0;
  private nextFragment = 0;
  private digest = new RecordDigest();
  private readonly columns: PacketColumns;
  private readonly flows: FlowTable;
  private readonly fragments: FragmentColumns;

  constructor({ columns, flows, fragments }: Workspace) {
    this.columns = columns;
    this.flows = flows;
    this.fragments = fragments;
  }

  /** The rows and fragments from here on are those of another capture. */
  begin(): void {
    this.digest = new RecordDigest();
    this.nextRow = this.columns.length;
    this.nextFragment = this.fragments.length;
  }

  /** Digests the rows and fragments added since the last call. */
  take(): void {
    const { columns, flows, fragments, nextRow, nextFragment } = this;
    this.digest.records(columns, flows, nextRow, columns.length, fragments, nextFragment, fragments.length);
    this.nextRow = columns.length;
    this.nextFragment = fragments.length;
  }

  /** Digests a record that added neither rows nor fragments; parameters as of RecordDigest.undecoded. */
  undecoded(
    bytes: Uint8Array,
    start: number,
    capLen: number,
    origLen: number,
    us: number,
    ns: number,
    linkType: number,
  ): void {
    this.digest.undecoded(bytes, start, capLen, origLen, us, ns, linkType);
  }

  /** Digested rows, or fragments, were removed, and the remaining ones have moved to the front. */
  moved(): void {
    this.nextRow = this.columns.length;
    this.nextFragment = this.fragments.length;
  }

  /** @param fates records of the capture by fate */
  finish(fates: Float64Array): string {
    return this.digest.finish(fates);
  }
}
