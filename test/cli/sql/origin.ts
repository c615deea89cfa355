/** Where files of tests are fetched from. */
import type { RemoteFile } from '../../../cli/sql/filecache.ts';

export const file = (key: string, size: number, version = '1'): RemoteFile => ({ bucket: 'b', key, version, size });

/** Whoever is not interested in how many bytes have come. */
export const nothing = (): void => {};

export function content(key: string, version: string, size: number): Buffer {
  return Buffer.alloc(size, `${key} ${version} `);
}

/** Files as they come, in chunks, and which were asked for. */
export class Origin {
  readonly asked: string[] = [];

  readonly fetch = ({ key, version, size }: RemoteFile): AsyncGenerator<Uint8Array> => {
    this.asked.push(key);
    return chunks(content(key, version, size));
  };
}

async function* chunks(bytes: Buffer): AsyncGenerator<Uint8Array> {
  for (let from = 0; from < bytes.length; from += 10) yield bytes.subarray(from, from + 10);
}
