/** Writes a local file from its beginning to its end, with few calls. */
import { closeSync, openSync, writeSync } from 'node:fs';

const BUFFER_BYTES = 1 << 18;

/** One for each file under way; threads write one after another, so one is enough. */
let spare: Uint8Array | undefined;

export class FileSink {
  /** Bytes written so far: where the next ones will stand. */
  position = 0;
  private readonly file: number;
  private readonly buffer: Uint8Array;
  private filled = 0;
  private open = true;

  /** @throws the system's error, as `write` and `close` do */
  constructor(path: string) {
    this.file = openSync(path, 'w');
    this.buffer = spare ?? new Uint8Array(BUFFER_BYTES);
    spare = undefined;
  }

  write(bytes: Uint8Array): void {
    this.position += bytes.length;
    if (this.filled + bytes.length > BUFFER_BYTES) this.flush();
    if (bytes.length > BUFFER_BYTES) this.writeAll(bytes);
    else {
      this.buffer.set(bytes, this.filled);
      this.filled += bytes.length;
    }
  }

  /** Writes what is left and closes the file. */
  close(): void {
    this.flush();
    this.abandon();
  }

  /** Closes the file as it is, if it is open. */
  abandon(): void {
    if (!this.open) return;
    this.open = false;
    closeSync(this.file);
    spare = this.buffer;
  }

  private flush(): void {
    this.writeAll(this.buffer.subarray(0, this.filled));
    this.filled = 0;
  }

  private writeAll(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; ) at += writeSync(this.file, bytes, at, bytes.length - at);
  }
}
