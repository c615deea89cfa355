/** moto's server, which answers as AWS would: for calls that LocalStack does not take. */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { prepareVenv } from '../../localstack/venv.ts';

const START_MS = 60_000;
/** It ends when our end of the pipe closes: also when we are killed. */
const SERVER = `
import os, sys, threading
def guard():
    sys.stdin.read()
    os._exit(0)
threading.Thread(target=guard, daemon=True).start()
from moto.server import main
main(["-H", "127.0.0.1", "-p", "0"])
`;

export interface Moto {
  /** e.g. http://127.0.0.1:5000 */
  endpoint: string;
  stop(): Promise<void>;
}

/** Starts one on a free port. @returns null, told why in `skipped`, when it cannot be installed here */
export async function startMoto(skipped: (why: string) => void): Promise<Moto | null> {
  let python: string;
  try {
    python = await prepareVenv({ name: 'moto', what: 'moto', requirements: join(import.meta.dirname, 'moto.txt') });
  } catch (error) {
    skipped(`moto is not to be had here: ${(error as Error).message.split('\n', 2).join(' ')}`);
    return null;
  }
  const child = spawn(python, ['-c', SERVER], { stdio: ['pipe', 'ignore', 'pipe'] });
  const ended = new Promise<void>((settle) => child.once('exit', () => settle()));
  const stop = async (): Promise<void> => {
    child.kill('SIGKILL');
    await ended;
  };
  const log: string[] = [];
  const endpoint = new Promise<string | null>((settle) => {
    createInterface({ input: child.stderr }).on('line', (line) => {
      log.push(line);
      const url = /Running on (http:\/\/127\.0\.0\.1:\d+)/.exec(line);
      if (url !== null) settle(url[1]);
    });
    void ended.then(() => settle(null));
  });
  const found = await Promise.race([endpoint, sleep(START_MS, null, { ref: false })]);
  if (found !== null) return { endpoint: found, stop };
  await stop();
  throw new Error(`moto's server did not start:\n${log.slice(-20).join('\n')}`);
}
