/** The corpus of real captures beside the repository, as its table lists them. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';

const CORPUS = fileURLToPath(new URL('../../../shared/corpus/', import.meta.url));

/** For the `skip` option of a test: false when the corpus is there. */
export const noCorpus: string | false = existsSync(CORPUS) ? false : 'corpus not found';

/** What the table says of one capture, as far as it is used here. */
export interface CorpusEntry {
  /** Path below the corpus's captures. */
  capture: string;
  /** Records in the file. */
  packets: number;
  /** Known damage; empty when there is none. */
  odd: string;
}

export function corpusEntries(): CorpusEntry[] {
  const text = gunzipSync(readFileSync(join(CORPUS, 'zeek-conn.jsonl.gz'))).toString();
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as CorpusEntry);
}

/** Path of a capture of the table. */
export function corpusPath(capture: string): string {
  return join(CORPUS, 'captures', capture);
}

/** Generated flows of random packets over hours: what is hardest for the state machines. */
export const RANDOM_WALKS = join(CORPUS, 'random-walks', 'walks.pcap.gz');
