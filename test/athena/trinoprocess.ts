/** A Trino of one's own, asked over pipes; it ends when this process does. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { join, relative } from 'node:path';
import { createInterface } from 'node:readline';
import { CACHE } from './build.ts';

/** A value as Trino's process writes it: BIGINT, decimals, times and texts as text, ROWs as arrays. */
export type TrinoValue = string | number | boolean | null | TrinoValue[];

export interface TrinoAnswer {
  columns: { name: string; type: string }[];
  rows: TrinoValue[][];
}

/** Name of the one catalog: what Athena calls the Glue catalog, so that views run with the text they have there. */
export const CATALOG = 'awsdatacatalog';

/** Most of the time goes into starting: code is compiled once, not again and better. */
const JVM = ['-Xmx1g', '-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC'];

export class TrinoProcess {
  private readonly child: ChildProcess;
  private readonly answers: AsyncIterator<string>;

  /**
   * @param build Java and the class path of its program
   * @param root folder that is local:/// to it
   * @param metastore folder below it for the metastore's files
   * @param properties of the connector, beside those every test needs
   */
  constructor(
    { java, classpath }: { java: string; classpath: string },
    root: string,
    metastore: string,
    properties: Record<string, string> = {},
  ) {
    const all = {
      'hive.metastore': 'file',
      'hive.metastore.catalog.dir': `local:///${relative(root, metastore)}`,
      'fs.hadoop.enabled': 'false',
      'delta.register-table-procedure.enabled': 'true',
      ...properties,
    };
    const settings = Object.entries(all).map(([name, value]) => `${name}=${value}`);
    const log = openSync(join(CACHE, 'trino.log'), 'w');
    this.child = spawn(java, [...JVM, '-cp', classpath, 'flowstitch.athena.TrinoProcess', CATALOG, root, ...settings], {
      stdio: ['pipe', 'pipe', log],
    });
    closeSync(log);
    // A write after its death is noticed at the next answer, which is missing.
    this.child.stdin!.on('error', () => {});
    this.answers = createInterface(this.child.stdout!)[Symbol.asyncIterator]();
  }

  /** Runs one statement in a database; one at a time. @throws Error with Trino's message */
  async query(schema: string, sql: string): Promise<TrinoAnswer> {
    this.child.stdin!.write(`${JSON.stringify({ schema, sql })}\n`);
    const line = await this.answers.next();
    if (line.done) throw new Error('Trino has ended: .cache/athena/trino.log says why');
    const answer = JSON.parse(line.value) as TrinoAnswer | { error: string };
    if ('error' in answer) throw new Error(`${answer.error}\nin ${sql}`);
    return answer;
  }

  async close(): Promise<void> {
    const ended = once(this.child, 'close');
    this.child.stdin!.end();
    const timer = setTimeout(() => this.child.kill('SIGKILL'), 20_000);
    await ended;
    clearTimeout(timer);
  }
}
