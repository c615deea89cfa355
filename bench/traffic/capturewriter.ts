/**
 * Rotating classic captures (Ethernet, snaplen 262,144, little-endian), written
 * through one buffer, so that memory does not depend on how much is written.
 */
import { closeSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';

const BUFFER_BYTES = 4 << 20;
const FILE_HEADER = 24;
const RECORD_HEADER = 16;
/** No frame is longer. */
const LONGEST_FRAME = 2048;
const MAGIC = { us: 0xa1b2c3d4, ns: 0xa1b23c4d } as const;

/** Unit of the time stamps in a capture. */
export type Resolution = keyof typeof MAGIC;

export class CaptureWriter {
  /** Paths of the captures begun so far, in order. */
  readonly files: string[] = [];
  /** Bytes of all captures, headers included. */
  bytes = 0;
  /** The buffer that `begin` gives offsets into. */
  readonly frame = new Uint8Array(BUFFER_BYTES);
  private readonly view = new DataView(this.frame.buffer);
  private readonly folder: string;
  private readonly resolution: Resolution;
  private readonly fileBytes: number;
  private at = 0;
  private written = 0;
  private file = -1;

  /**
   * @param folder an existing folder
   * @param fileBytes a capture ends before the record that would carry it beyond so many bytes
   */
  constructor(folder: string, resolution: Resolution, fileBytes: number) {
    this.folder = folder;
    this.resolution = resolution;
    this.fileBytes = fileBytes;
  }

  /**
   * Begins a record; the caller then fills `length` bytes of `frame`.
   * @param length bytes of the frame, at most 2,048
   * @returns where in `frame` they begin
   */
  begin(second: number, nanosecond: number, length: number): number {
    if (this.file < 0 || this.written + this.at + RECORD_HEADER + length > this.fileBytes) this.rotate();
    else if (this.at + RECORD_HEADER + LONGEST_FRAME > BUFFER_BYTES) this.flush();
    const { view, at } = this;
    view.setUint32(at, second, true);
    view.setUint32(at + 4, this.resolution === 'ns' ? nanosecond : Math.floor(nanosecond / 1000), true);
    view.setUint32(at + 8, length, true);
    view.setUint32(at + 12, length, true);
    this.at = at + RECORD_HEADER + length;
    return at + RECORD_HEADER;
  }

  /** Ends the last capture. */
  end(): void {
    if (this.file < 0) return;
    this.flush();
    closeSync(this.file);
    this.file = -1;
  }

  private rotate(): void {
    this.end();
    const path = join(this.folder, `traffic-${String(this.files.length).padStart(5, '0')}.pcap`);
    this.file = openSync(path, 'w');
    this.files.push(path);
    this.written = 0;
    const { view } = this;
    view.setUint32(0, MAGIC[this.resolution], true);
    view.setUint16(4, 2, true);
    view.setUint16(6, 4, true);
    view.setUint32(8, 0, true);
    view.setUint32(12, 0, true);
    view.setUint32(16, 262_144, true);
    view.setUint32(20, 1, true);
    this.at = FILE_HEADER;
  }

  private flush(): void {
    let done = 0;
    while (done < this.at) done += writeSync(this.file, this.frame, done, this.at - done);
    this.written += this.at;
    this.bytes += this.at;
    this.at = 0;
  }
}
