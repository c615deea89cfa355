/** Addresses as text. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { addressText, ipv4Text, ipv6Text } from '../../shared/packet/address.ts';
import { KEY_ADDR_A, KEY_ADDR_B, KEY_FLAG_V6, KEY_PROTO, KEY_WORDS } from '../../shared/packet/flow/flowtable.ts';
import { SEED } from '../seed.ts';
import { random } from './harness.ts';

function words(digits: string): Uint32Array {
  return Uint32Array.from([0, 8, 16, 24], (at) => Number.parseInt(digits.slice(at, at + 8), 16));
}

test('IPv4 is dotted, whatever the sign of the number', () => {
  assert.equal(ipv4Text(0), '0.0.0.0');
  assert.equal(ipv4Text(0xffffffff), '255.255.255.255');
  assert.equal(ipv4Text(-1), '255.255.255.255');
  assert.equal(ipv4Text(0xc0a80a01), '192.168.10.1');
});

test('IPv6 is in the canonical form of RFC 5952', () => {
  const cases: [string, string][] = [
    ['00000000000000000000000000000000', '::'],
    ['00000000000000000000000000000001', '::1'],
    ['00010000000000000000000000000000', '1::'],
    ['20010db8000000000000000000000001', '2001:db8::1'],
    ['20010db8000000010001000100010001', '2001:db8:0:1:1:1:1:1'],
    ['20010db8000000000001000000000001', '2001:db8::1:0:0:1'],
    ['20010000000000010000000000000001', '2001:0:0:1::1'],
    ['fe800000000000000000000000000000', 'fe80::'],
    ['fe80000000000000020086fffe0580da', 'fe80::200:86ff:fe05:80da'],
    ['0123456789abcdef0123456789abcdef', '123:4567:89ab:cdef:123:4567:89ab:cdef'],
    ['00000000000000000000ffff0a000001', '10.0.0.1'],
    ['0000000000000000000000000a000001', '::10.0.0.1'],
    ['0000000000000000000000000000ffff', '::ffff'],
    ['00000000000000000001ffff0a000001', '::1:ffff:a00:1'],
  ];
  for (const [digits, expected] of cases) assert.equal(ipv6Text(words(digits), 0), expected);
});

test('random IPv6 addresses are parsed back unchanged', () => {
  const seed = SEED;
  const next = random(seed);
  for (let i = 0; i < 5000; i++) {
    const groups = Array.from({ length: 8 }, () => (next(2) === 0 ? 0 : next(65536)));
    // The URL parser is an independent writer of RFC 5952 text, without dotted parts.
    const expected = new URL(`http://[${groups.map((g) => g.toString(16)).join(':')}]/`).hostname.slice(1, -1);
    const digits = groups.map((g) => g.toString(16).padStart(4, '0')).join('');
    const text = ipv6Text(words(digits), 0);
    if (!text.includes('.')) assert.equal(text, expected, `seed ${seed}`);
    else
      assert.ok(
        groups.slice(0, 5).every((g) => g === 0),
        `${text}, seed ${seed}`,
      );
  }
});

test('the address of an end of a key is read by the family of the key', () => {
  const keys = new Uint32Array(KEY_WORDS * 2);
  keys[KEY_WORDS + KEY_ADDR_A + 3] = 0x0a000001;
  keys[KEY_WORDS + KEY_ADDR_B + 3] = 0x0a000002;
  assert.equal(addressText(keys, KEY_WORDS, KEY_ADDR_B), '10.0.0.2');
  keys[KEY_WORDS + KEY_PROTO] = KEY_FLAG_V6;
  keys[KEY_WORDS + KEY_ADDR_A] = 0x20010db8;
  assert.equal(addressText(keys, KEY_WORDS, KEY_ADDR_A), '2001:db8::a00:1');
});
