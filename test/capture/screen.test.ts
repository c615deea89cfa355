/** Times behind damage: what is believed, and what is counted as implausible. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { CaptureFacts } from '../../shared/capture/facts.ts';
import { needsScreen, TimeSurvey } from '../../shared/capture/screen.ts';
import { openResults, run } from '../../shared/index.ts';
import { START_US, scratchFolder, udpRecords } from '../cli/harness.ts';
import { type BuiltRecord, concat, gzip, parse, writePcap } from './build.ts';

const YEAR_US = 366 * 86_400 * 1e6;

function factsOf(damage: CaptureFacts['damage'], firstUs = 0, lastUs = 10 * YEAR_US): CaptureFacts {
  return { ...parse(writePcap([])).facts, damage, firstUs, firstNs: 0, lastUs, lastNs: 0 };
}

function surveyOf(times: readonly number[]): TimeSurvey {
  const survey = new TimeSurvey();
  for (const us of times) survey.record(new Uint8Array(0), 0, 0, 0, us);
  return survey;
}

const GAP = { offset: 500, reason: 'bad_record_header', detail: '' } as const;
const CHECKSUM = { offset: 900, reason: 'corrupt_compression', detail: '', since: 300 } as const;
const times = (count: number, us: number): number[] => Array.from({ length: count }, (_, i) => us + i * 1000);

test('only damaged captures whose times are more than a year apart are screened', () => {
  assert.equal(needsScreen(factsOf([GAP])), true);
  assert.equal(needsScreen(factsOf([CHECKSUM])), true);
  assert.equal(needsScreen(factsOf([])), false);
  assert.equal(needsScreen(factsOf([GAP], START_US, START_US + YEAR_US)), false);
  assert.equal(needsScreen(factsOf([{ offset: 9, reason: 'truncated_record', detail: '' }])), false);
});

test('behind a gap a time with fewer than eight records within a year is implausible, before it none is', () => {
  const far = START_US + 9 * YEAR_US;
  const later = START_US + 4 * YEAR_US;
  const screen = surveyOf([...times(50, START_US), ...times(8, later), ...times(7, far)]).screen(factsOf([GAP]));
  assert.equal(screen.plausible(START_US, 0, 600), true);
  assert.equal(screen.plausible(later, 0, 600), true);
  assert.equal(screen.plausible(far, 0, 600), false);
  assert.equal(screen.plausible(far, 0, 499), true);
});

test('a capture of a few records is not implausible as a whole', () => {
  const screen = surveyOf([START_US, START_US + 1, 5]).screen(factsOf([GAP]));
  assert.equal(screen.plausible(START_US, 0, 600), true);
  assert.equal(screen.plausible(5, 0, 600), false);
});

test('in bytes that failed their checksum, times near most records are believed alone', () => {
  const far = START_US + 9 * YEAR_US;
  const near = START_US + YEAR_US;
  const screen = surveyOf([...times(50, START_US), near, ...times(20, far)]).screen(factsOf([CHECKSUM]));
  assert.equal(screen.plausible(near, 0, 400), true);
  assert.equal(screen.plausible(far, 0, 400), false);
  assert.equal(screen.plausible(far, 0, 299), true);
});

test('the span of times is that of plausible records', () => {
  const facts = factsOf([GAP], 5, START_US);
  const screen = surveyOf([...times(9, START_US), 5]).screen(facts);
  for (const [us, ns] of [
    [START_US + 3, 7],
    [5, 1],
    [START_US + 3, 2],
  ])
    screen.plausible(us, ns, 600);
  const { firstUs, firstNs, lastUs, lastNs } = screen.within(facts);
  assert.deepEqual([firstUs, firstNs, lastUs, lastNs], [START_US + 3, 2, START_US + 3, 7]);
});

/** Records 20 and 21 of 40 have a time years later. */
function strayed(): BuiltRecord[] {
  return udpRecords(40).map((record, i) => ({ ...record, us: record.us + (i === 20 || i === 21 ? 12 * YEAR_US : 0) }));
}

test('records with times years away are no sessions where bytes failed their checksum or lie behind a gap, and are where nothing is wrong', async (t) => {
  const folder = scratchFolder(t);
  const sound = writePcap(strayed());
  const corrupt = gzip(sound);
  corrupt[corrupt.length - 8] ^= 1;
  const record = (sound.length - 24) / 40;
  const gap = Uint8Array.from(sound).fill(0xff, 24 + 10 * record, 24 + 10 * record + 16);
  const behind = Uint8Array.from(sound).fill(0xff, 24 + 30 * record, 24 + 30 * record + 16);
  const other = gzip(writePcap(udpRecords(3, START_US + 1e6)));
  other[other.length - 8] ^= 1;
  const files: [name: string, bytes: Uint8Array, packets: number, implausible: number, first: number][] = [
    ['checksum.pcap.gz', corrupt, 40, 2, 38],
    ['gap.pcap', gap, 39, 2, 37],
    ['behind.pcap', behind, 39, 0, 39],
    // The first member is sound: only what is behind it may be wrong.
    ['members.pcap.gz', concat([gzip(sound), other]), 43, 0, 43],
    ['sound.pcap.gz', gzip(sound), 40, 0, 40],
  ];
  for (const [name, bytes, packets, implausible, inSessions] of files) {
    const capture = join(folder, name);
    const out = join(folder, `${name}.out`);
    writeFileSync(capture, bytes);
    const { conservation, damaged } = await run({ captures: [capture], out, workers: 1 });
    assert.equal(conservation.read, packets, name);
    assert.equal(conservation.inSessions, inSessions, name);
    assert.equal(conservation.undecodable.implausible_after_damage ?? 0, implausible, name);
    assert.deepEqual(
      damaged.map(({ status }) => status),
      name.startsWith('sound') ? [] : ['damaged'],
      name,
    );
    const results = await openResults(out);
    const { rows } = await results.runQuery(
      "SELECT max(year(s.ts)) > 2030, (SELECT year(last_ts) > 2030 FROM captures), (SELECT count(*) FROM anomalies WHERE name = 'implausible_after_damage') FROM sessions s",
    );
    results.close();
    assert.deepEqual(
      rows.map((row) => row.map(String)),
      [[String(implausible === 0), String(implausible === 0), String(implausible)]],
      name,
    );
  }
});
