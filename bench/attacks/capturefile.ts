/** Hostile captures, written as they are made: a pcap of raw IP packets, or any bytes, through one buffer. */
import { closeSync, openSync, writeSync } from 'node:fs';

const BUFFER_BYTES = 1 << 20;

export class CaptureFile {
  /** Bytes written so far. */
  bytes = 0;
  private readonly file: number;
  private readonly buffer = Buffer.alloc(BUFFER_BYTES);
  private at = 0;

  constructor(path: string) {
    this.file = openSync(path, 'w');
  }

  raw(bytes: Uint8Array): void {
    if (this.at + bytes.length > BUFFER_BYTES) this.flush();
    if (bytes.length > BUFFER_BYTES) {
      writeSync(this.file, bytes);
    } else {
      this.buffer.set(bytes, this.at);
      this.at += bytes.length;
    }
    this.bytes += bytes.length;
  }

  end(): void {
    this.flush();
    closeSync(this.file);
  }

  private flush(): void {
    writeSync(this.file, this.buffer, 0, this.at);
    this.at = 0;
  }
}

/** LINKTYPE_RAW: packets begin with their IP header. */
export const RAW_IP = 101;
/** Seconds of the first packet: September 2020. */
export const FIRST_SECOND = 1_600_000_000;

/** A classic capture, little-endian, microseconds. */
export class Pcap extends CaptureFile {
  private readonly header = Buffer.alloc(16);

  constructor(path: string, linkType = RAW_IP) {
    super(path);
    this.raw(pcapHeader(linkType));
  }

  /** @param us microseconds after FIRST_SECOND, or since 1970 when `second` is given as 0 */
  record(packet: Uint8Array, us: number, second = FIRST_SECOND): void {
    const { header } = this;
    header.writeUInt32LE(second + Math.floor(us / 1e6), 0);
    header.writeUInt32LE(us % 1e6, 4);
    header.writeUInt32LE(packet.length, 8);
    header.writeUInt32LE(packet.length, 12);
    this.raw(header);
    this.raw(packet);
  }
}

export function pcapHeader(linkType = RAW_IP): Buffer {
  const header = Buffer.alloc(24);
  header.writeUInt32LE(0xa1b2c3d4, 0);
  header.writeUInt16LE(2, 4);
  header.writeUInt16LE(4, 6);
  header.writeUInt32LE(262_144, 16);
  header.writeUInt32LE(linkType, 20);
  return header;
}
