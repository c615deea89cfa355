/**
 * A process that repeatedly stops runs of one job, at moments spread over their publish and commit stages, as Ctrl-C
 * does, and continues them. It prints how many were stopped, or crashes if a stop was unclean.
 */
import { rmSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { runEmbedded } from '../../shared/engine/embedded.ts';
import { captureRefs, plainConfig } from '../job/harness.ts';

const [captures, out, rounds] = process.argv.slice(2);
const refs = await captureRefs((await readdir(captures)).map((name) => join(captures, name)));
const config = plainConfig({ packets: true, sizes: { fileRows: 20_000 } });
let stopped = 0;
for (let round = 0; round < Number(rounds); round++) {
  const stop = new AbortController();
  const reason = new Error('enough');
  // Up to 0.9 s after the run has begun or continued to publish.
  const later = (): void => void setTimeout(() => stop.abort(reason), (round * 137) % 900);
  try {
    await runEmbedded({
      out,
      captures: refs,
      config,
      workers: 2,
      signal: stop.signal,
      onStart: (_, state) => (state === 'resumed' ? later() : undefined),
      onTask: ({ began }) => (began === 'publish' ? later() : undefined),
    });
    rmSync(join(out, '_flowstitch/jobs'), { recursive: true });
  } catch (error) {
    if (error !== reason) throw error;
    stopped++;
  }
}
process.stdout.write(`${stopped}\n`);
