/** Captures for tests of plan: none of their packets matters but the time of the first. */
import type { CaptureRef, CaptureSource } from '../../../shared/store/capturesource.ts';
import { gzip, writePcap } from '../../capture/build.ts';

/** Captures of a single packet each, in memory; a second apart, the last one the earliest. */
export class SmallCaptures implements CaptureSource {
  readonly refs: CaptureRef[] = [];
  /** Names of the captures whose bytes were asked for. */
  readonly read: string[] = [];
  /** Told of each of them. */
  onRead: (name: string) => void = () => {};
  /** Instead of the bytes. */
  readonly fails = new Map<string, Error>();
  private readonly bytes = new Map<string, Uint8Array>();

  constructor(count: number, packed = false) {
    for (let number = 0; number < count; number++) {
      const name = `s3://captures/${number}`;
      const plain = writePcap([{ us: (1_000_000 - number) * 1e6, bytes: new Uint8Array(60) }]);
      const bytes = packed ? gzip(plain) : plain;
      this.bytes.set(name, bytes);
      this.refs.push({ name, location: name, size: bytes.length, version: String(number) });
    }
  }

  /** Gives one capture the bytes of another. */
  copy(from: string, to: string): void {
    this.bytes.set(to, this.bytes.get(from)!);
  }

  async *stream({ name }: CaptureRef): AsyncIterable<Uint8Array> {
    this.read.push(name);
    this.onRead(name);
    const error = this.fails.get(name);
    if (error !== undefined) throw error;
    yield this.bytes.get(name)!;
  }
}
