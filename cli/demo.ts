/** npm run demo: the main job over the captures that come with the project. */
import { relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { formatTable } from '../shared/query/resulttext.ts';
import { main } from './main.ts';
import { currentJob, queryJob } from './sql/newestresults.ts';

const path = (name: string): string => relative('.', fileURLToPath(new URL(`../${name}`, import.meta.url)));
const CAPTURES = path('test/captures/demo');
const RESULTS = path('results/demo');

const SPANNING = `select strftime(ts, '%H:%M:%S') as start, round(duration, 1) as seconds,
  orig_h || case when proto in ('tcp', 'udp') then ' ' || orig_p else '' end as orig,
  resp_h || case when proto in ('tcp', 'udp') then ' ' || resp_p else '' end as resp,
  proto, conn_state as state, orig_bytes, resp_bytes, capture_count as captures
  from sessions where capture_count > 1 order by capture_count desc, ts_ns limit 8`;

const say = (text: string): void => void process.stdout.write(text);

say(`Twelve rotating captures of 33 seconds in ${CAPTURES} become tables in ${RESULTS}:\n\n`);
say(`  flowstitch run ${CAPTURES} --out ${RESULTS} --packets --quiet\n\n`);
await main(['run', CAPTURES, '--out', RESULTS, '--packets', '--quiet']);
if (process.exitCode === 0) {
  say('\nSessions that span files:\n\n');
  for (const result of await queryJob(RESULTS, await currentJob(RESULTS), SPANNING)) say(formatTable(result));
  say(`
Try next:

  npx flowstitch sql "select proto, service, count(*), sum(orig_bytes), sum(resp_bytes) from sessions group by all" --data ${RESULTS}
  npx flowstitch sql "select capture, count(*) from packets join sessions using (uid) where resp_p = 443 group by all" --data ${RESULTS}
  npx flowstitch inspect ${CAPTURES}/trace-be8dac.pcap -n 10
  npx flowstitch run YOUR-CAPTURES --out results/mine
`);
}
