import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DEFAULT_BOUNDS } from '../../shared/capture/compression/bounds.ts';
import { jobConfig } from '../../shared/job/dataset/dataset.ts';
import { jobId, shardingDigest } from '../../shared/job/jobconfig.ts';
import { givenOptions, jobOptions } from '../../shared/job/options/options.ts';
import { parseDuration, sizeText } from '../../shared/job/options/optionvalues.ts';
import { plainConfig } from './harness.ts';
import { MemoryStore } from './memorystore.ts';

test('a port that means something else is refused for VXLAN, by name, and VXLAN’s own are not', () => {
  const of = (port: string) => jobOptions({ 'vxlan-port': port }).vxlanPorts;
  assert.deepEqual(of('4789,8472'), [4789, 8472]);
  for (const [port, name] of [
    ['53', /^OptionError: --vxlan-port 53: this port is that of a service/],
    ['1701', /--vxlan-port 1701: this port is that of L2TP/],
    ['3544', /--vxlan-port 3544: this port is that of Teredo/],
    ['4790', /--vxlan-port 4790: this port is that of VXLAN-GPE/],
    ['4000,6081', /--vxlan-port 6081: this port is that of GENEVE/],
  ] as const)
    assert.throws(() => of(port), name, port);
});

test('bounds of compression are read as sizes and whole numbers, from text and from JSON', () => {
  assert.deepEqual(jobOptions({}).compression, DEFAULT_BOUNDS);
  for (const [given, zstdWindow, ratio] of [
    [{ 'max-zstd-window': '2G' }, 2 ** 31, 1000],
    [{ 'max-zstd-window': '512K', 'max-compression-ratio': '1' }, 2 ** 19, 1],
    [{ 'max-zstd-window': 3_000_000, 'max-compression-ratio': 5000 }, 3_000_000, 5000],
  ] as const)
    assert.deepEqual(jobOptions(givenOptions(given)).compression, { zstdWindow, ratio });
  for (const size of ['', '3G', '100', '1.5M', '64 M', '64m', '-1'])
    assert.throws(() => jobOptions({ 'max-zstd-window': size }), {
      message: `--max-zstd-window takes a size from 1K to 2G, such as 128M, not '${size}'`,
    });
  for (const ratio of ['', '0', '1.5', 'never'])
    assert.throws(() => jobOptions({ 'max-compression-ratio': ratio }), /--max-compression-ratio takes a whole number/);
  assert.throws(() => givenOptions({ 'max-zstd-window': true }), /takes a string or a number, not true/);
});

test('sizes are told in the largest unit that gives a whole number', () => {
  assert.deepEqual([1, 1023, 1024, 1536, 2 ** 27, 2 ** 31, 2 ** 40].map(sizeText), [
    '1',
    '1023',
    '1K',
    '1536',
    '128M',
    '2G',
    '1024G',
  ]);
});

test('durations are read in every unit, and never where it is allowed', () => {
  for (const [text, us] of [
    ['7us', 7],
    ['7ms', 7_000],
    ['7s', 7_000_000],
    ['7', 7_000_000],
    ['1.5m', 90_000_000],
    ['7h', 25_200_000_000],
    ['7d', 604_800_000_000],
  ] as const)
    assert.equal(parseDuration(text, '--x'), us, text);
  assert.equal(parseDuration('never', '--x', true), 0);
  assert.throws(() => parseDuration('never', '--x'), /^OptionError: --x takes a duration .* 1h, not 'never'$/);
  for (const text of ['', '0', '-1s', '1w', '1 s', '0.1us'])
    assert.throws(() => parseDuration(text, '--x', true), /1h, or never, not /, text);
});

test('options of a marker are an object of known names and types', () => {
  for (const value of [null, 'packets', 5, [], undefined])
    assert.throws(() => givenOptions(value), /options are a JSON object/, JSON.stringify(value));
  assert.throws(() => givenOptions({ toString: '1' }), /unknown option 'toString'/);
  assert.throws(() => givenOptions({ packets: 'true' }), /'packets' takes a boolean, not "true"/);
  assert.throws(() => givenOptions({ dataset: true }), /'dataset' takes a string, not true/);
  assert.deepEqual(givenOptions({ packets: true, dataset: undefined }), { packets: true, dataset: undefined });
});

test('the name of a data set, the key and the sharding are checked, and left at their defaults when not given', () => {
  const { dataset, keyVlan, keyVni, shardBy, packets } = jobOptions({});
  assert.deepEqual([dataset, keyVlan, keyVni, shardBy, packets], [undefined, false, false, '5tuple', false]);
  assert.equal(jobOptions({ dataset: 'a_B-9' }).dataset, 'a_B-9');
  for (const name of ['', 'a/b', 'a'.repeat(65)])
    assert.throws(() => jobOptions({ dataset: name }), /--dataset takes up to 64 letters/, name);
  for (const [key, vlan, vni] of [
    ['', false, false],
    ['vlan', true, false],
    ['vni', false, true],
    ['vlan,vni', true, true],
  ] as const) {
    const read = jobOptions({ key });
    assert.deepEqual([read.keyVlan, read.keyVni], [vlan, vni], key);
  }
  assert.throws(() => jobOptions({ key: 'vlan,mac' }), /--key takes vlan and vni, not 'mac'/);
  assert.equal(jobOptions({ 'shard-by': '2tuple' }).shardBy, '2tuple');
  assert.throws(() => jobOptions({ 'shard-by': '3tuple' }), /--shard-by takes/);
});

test('ports of VXLAN are read each once, in any order and form, and make one and the same job', async () => {
  const of = (port: string | number) => jobOptions({ 'vxlan-port': port }).vxlanPorts;
  assert.deepEqual([of(4000), of('4000'), of('5000, 4000,5000')], [[4000], [4000], [4000, 5000]]);
  assert.deepEqual(jobOptions({}).vxlanPorts, []);
  for (const wrong of ['', '0', '65536', '5000,', 'a', '-1'])
    assert.throws(() => of(wrong), /^OptionError: --vxlan-port takes a whole number from 1 to 65535/, wrong);
  const config = (port: string) =>
    jobConfig(new MemoryStore(), 'd', jobOptions({ 'vxlan-port': port }), plainConfig().sizes);
  assert.deepEqual((await config('5000,4000')).decode, (await config('4000,5000')).decode);
});

test('bounds of compression are part of what a job and its shards are', async () => {
  const store = new MemoryStore();
  const sizes = plainConfig().sizes;
  const ids = new Set<string>();
  const digests = new Set<string>();
  for (const given of [{}, { 'max-zstd-window': '64M' }, { 'max-compression-ratio': '2000' }]) {
    const config = await jobConfig(store, 'd', jobOptions(given), sizes);
    ids.add(jobId(config, []));
    digests.add(shardingDigest(config));
  }
  assert.deepEqual([ids.size, digests.size], [3, 3]);
});
