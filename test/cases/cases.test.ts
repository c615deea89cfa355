/** The cases beside the checkout: what must be said of each. */
import assert from 'node:assert/strict';
import { chownSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { command, ENTRY, NOBODY, notAsNobody, startFlowstitch } from '../cli/harness.ts';
import { CaseRun, caseNames, makeCase, noCases } from './case.ts';

/** A conversation as most generators write it: nine packets, opened and closed. */
const WHOLE = 'tcp SF 6 3';
const COUNTS = 'proto, conn_state, orig_pkts, resp_pkts';
const IP_BYTES = 'orig_ip_bytes, resp_ip_bytes';

const EXPECTED: Record<string, (t: TestContext, folder: string) => void | Promise<void>> = {
  '00-plain'(_, folder) {
    const run = new CaseRun(folder);
    assert.equal(run.outcome.code, 0, run.outcome.stderr);
    assert.deepEqual(run.sessions(`${COUNTS}, orig_bytes, resp_bytes`), [`${WHOLE} 100 300`]);
  },

  '01-unknown-link-as-ip'(_, folder) {
    const run = new CaseRun(folder);
    assert.deepEqual(run.sessions(COUNTS), [WHOLE, WHOLE, WHOLE], 'pflog, Juniper and enc, and nothing else');
    assert.deepEqual(run.captures('packets_in_sessions, undecodable_reasons'), {
      'enc.pcap': '9 ',
      'juniper.pcap': '9 ',
      'mpegts.pcap': '0 unknown_link_type=32',
      'pflog.pcap': '9 ',
      'zigbee.pcap': '0 unknown_link_type=20',
    });
  },

  '03-sliced-origlen'(_, folder) {
    const run = new CaseRun(folder);
    assert.deepEqual(run.sessions(`${COUNTS}, ${IP_BYTES}, truncated_pkts`), [
      `${WHOLE} 940 1520 2`,
      `${WHOLE} 940 1520 2`,
      // Four datagrams of 400 and of 800 bytes behind headers of 28.
      'udp SF 4 4 1712 3312 8',
    ]);
    assert.equal(run.summary.conservation.inSessions, 26);
  },

  '04-tso-zero'(_, folder) {
    const run = new CaseRun(folder);
    const columns = `orig_pkts, resp_pkts, orig_bytes, orig_ip_bytes, resp_ip_bytes`;
    // The server sent SYN-ACK and FIN of 40 bytes, and three packets of 20,040 that say they have none.
    assert.deepEqual(run.sessions('orig_pkts, resp_pkts, resp_bytes, resp_ip_bytes', 'resp_p = 80'), [
      `6 5 60000 ${40 + 3 * 20_040 + 40}`,
    ]);
    assert.deepEqual(run.sessions(columns, 'resp_p = 443'), [
      '1 1 120000 120040 40',
      '1 1 120000 120060 60',
      '1 1 120000 120068 60',
    ]);
  },

  '05-snaplen54'(_, folder) {
    const run = new CaseRun(folder);
    const whole = `${WHOLE} 520 1064`;
    assert.deepEqual(run.sessions(`${COUNTS}, ${IP_BYTES}`), [whole, whole, whole, whole]);
  },

  '06-mirror-truncated-inner'(_, folder) {
    const run = new CaseRun(folder);
    assert.deepEqual(run.sessions(COUNTS), [WHOLE, WHOLE, WHOLE, 'udp SF 4 4']);
  },

  '07-tunnel-with-trailer'(_, folder) {
    const run = new CaseRun(folder);
    assert.deepEqual(run.sessions(COUNTS), Array(6).fill(WHOLE));
    assert.deepEqual(Object.values(run.captures('packets_in_sessions')), Array(6).fill('9'));
  },

  '09-ethertypes'(_, folder) {
    assert.deepEqual(new CaseRun(folder).sessions(COUNTS), Array(5).fill(WHOLE));
  },

  '10-vxlan-8472'(_, folder) {
    const run = new CaseRun(folder);
    assert.deepEqual(run.sessions(`${COUNTS}, tunnel is not null`), Array(3).fill(`${WHOLE} true`));
  },

  '11-duplicates'(_, folder) {
    const columns = 'orig_pkts + resp_pkts, duplicate_pkts';
    const run = new CaseRun(folder);
    assert.deepEqual(run.sessions(columns), ['18 9', '20 10', '27 18', '9 0'], 'the compressed copy is passed over');
    const [copy] = run.rows("select capture from anomalies where name = 'duplicate_capture'");
    assert.match(String(copy), /4-kept/, 'and named');
    const both = new CaseRun(folder, { out: 'both', options: ['--keep-copies'] });
    assert.deepEqual(both.sessions(columns), ['18 9', '20 10', '27 18', '18 9']);
  },

  '12-input-tree'(t, folder) {
    const linked = new CaseRun(folder, { inputs: ['in/a'], out: 'out-a' });
    assert.deepEqual([linked.outcome.code, linked.summary.captures, linked.summary.sessions], [0, 3, 3]);
    const named = new CaseRun(folder, { inputs: ['in/b'], out: 'out-b' });
    assert.deepEqual([named.outcome.code, named.summary.captures, named.summary.sessions], [0, 2, 2]);
    assert.equal(new Set(Object.keys(named.captures('status'))).size, 2, 'under two names');
    if (process.getuid?.() !== 0) return t.diagnostic('a folder that may not be read is made by root only');
    const skipped = notAsNobody();
    if (skipped !== false) return t.diagnostic(skipped);
    const out = join(folder, 'out-c');
    mkdirSync(out);
    chownSync(out, NOBODY, NOBODY);
    const own = [`--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups'];
    const args = [...own, process.execPath, ENTRY, 'run', 'in/c', '--out', out];
    const { code, stdout, stderr } = command('setpriv', args, { cwd: folder, env: { HOME: out } });
    assert.equal(code, 2, stderr);
    assert.match(stdout, /^packets +9$/m);
    assert.match(stdout + stderr, /lost\+found/);
  },

  '13-results-among-inputs'(_, folder) {
    const first = new CaseRun(folder, { out: 'in/results-monday' });
    const second = new CaseRun(folder, { out: 'in/results-tuesday' });
    for (const { outcome, summary } of [first, second])
      assert.deepEqual([outcome.code, summary.captures, summary.sessions], [0, 1, 1], outcome.stderr);
  },

  '14-timezone'(_, folder) {
    const run = new CaseRun(folder);
    const query =
      'select count(*) filter (ts > now() - interval 1 hour), count(*) filter (ts > now()), ' +
      'bool_and(ts::timestamptz = to_timestamp(ts_ns / 1e9)) from sessions';
    for (const zone of ['UTC', 'America/New_York', 'Asia/Kolkata'])
      assert.deepEqual(run.rows(query, { TZ: zone }), [['1', '0', 'true']], zone);
  },

  '16-header-variants'(t, folder) {
    const run = new CaseRun(folder);
    // The generator's nanoseconds went through a double of seconds since 1970.
    assert.deepEqual(run.sessions(`${COUNTS}, round(duration, 4)`), Array(7).fill(`${WHOLE} 0.07`));
    t.diagnostic(JSON.stringify(run.captures('status')));
  },

  async '18-overlapping-runs'(_, folder) {
    const args = ['run', join(folder, 'in'), '--out', join(folder, 'out'), '--workers', '1'];
    let second: ReturnType<typeof startFlowstitch> | undefined;
    const first = await startFlowstitch(args, () => {
      second ??= startFlowstitch(args);
    });
    const facts = ({ stdout }: { stdout: string }) => stdout.match(/^(captures|packets|sessions) .*$/gm);
    assert.deepEqual([first.code, (await second)?.code], [0, 0], (await second)?.stderr);
    assert.deepEqual(facts((await second)!), facts(first));
    assert.match(first.stdout, /^sessions +600,/m);
  },

  '21-fragments-over-64k'(_, folder) {
    const run = new CaseRun(folder);
    assert.deepEqual(run.sessions('proto, orig_pkts, resp_pkts, orig_ip_bytes'), ['udp 1 0 65528']);
    assert.deepEqual(run.captures('fragments_completed, fragments_incomplete + undecodable'), {
      '1-over.pcap': '0 45',
      '2-just-fits.pcap': '45 0',
    });
    const named = run.rows('select distinct capture from anomalies').map(([capture]) => capture);
    assert.deepEqual(named, ['in/1-over.pcap'], 'what is too large is named, and what is not is not');
  },

  '26-false-duplicate-capture'(_, folder) {
    const run = new CaseRun(folder);
    assert.deepEqual(run.rows("select capture from anomalies where name = 'duplicate_capture'"), []);
    assert.deepEqual(run.captures('status, packets, not_ip'), {
      'hour-01.pcap': 'complete 9 9',
      'hour-02.pcap': 'complete 9 9',
      'hour-03.pcap': 'complete 9 9',
    });
  },
};

/** A generator's program that is not on this machine. */
const NEEDS: Record<string, string> = { '16-header-variants': 'editcap' };

function missing(name: string): string | false {
  const program = NEEDS[name];
  if (program === undefined || command('sh', ['-c', `command -v ${program}`]).code === 0) return false;
  return `${program} is not installed`;
}

if (noCases) test('cases', { skip: noCases }, () => {});
else
  for (const name of caseNames())
    test(`case ${name}`, { skip: missing(name) }, async (t) => {
      assert.ok(EXPECTED[name] !== undefined, 'nothing is expected of it: write what');
      await EXPECTED[name](t, makeCase(t, name));
    });
