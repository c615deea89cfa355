import assert from 'node:assert/strict';
import test from 'node:test';
import { HINT_DNS_ANSWER, HINT_NONE, HINT_NTP_CLIENT, HINT_NTP_SERVER } from '../../../shared/packet/columns.ts';
import { datagramHint } from '../../../shared/packet/ip/datagramhint.ts';

const hint = (hex: string, source: number, target: number) => {
  const bytes = Uint8Array.from(Buffer.from(hex, 'hex'));
  return datagramHint(bytes, 0, bytes.length, source, target);
};
const ANSWER = '123481800001000000000000';
const QUESTION = '123401000001000000000000';
const CLIENT = `23${'00'.repeat(47)}`;
const SERVER = `24${'00'.repeat(47)}`;

test('a response to a DNS port is recognized by its first flag', () => {
  for (const port of [53, 137, 5353, 5355]) assert.equal(hint(ANSWER, 40000, port), HINT_DNS_ANSWER);
  assert.equal(hint(QUESTION, 40000, 53), HINT_NONE);
  assert.equal(hint(ANSWER.slice(2), 40000, 53), HINT_NONE, 'shorter than a header');
  assert.equal(hint(ANSWER, 53, 40000), HINT_NONE, 'answers come from a server');
});

test('a datagram with an operation that neither DNS nor NetBIOS has is no response', () => {
  const answers = (port: number) =>
    Array.from({ length: 16 }, (_, opcode) => opcode).filter((opcode) => {
      const flags = (0x80 | (opcode << 3)).toString(16);
      return hint(`1234${flags}800001000000000000`, 40000, port) === HINT_DNS_ANSWER;
    });
  assert.deepEqual(answers(53), [0, 1, 2, 4, 5, 6]);
  assert.deepEqual(answers(137), [0, 5, 6, 7, 8]);
});

test('a server message to the NTP port and a client message from it are recognized by their mode', () => {
  assert.equal(hint(SERVER, 40000, 123), HINT_NTP_SERVER);
  assert.equal(hint(CLIENT, 123, 40000), HINT_NTP_CLIENT);
  assert.equal(hint(CLIENT, 40000, 123), HINT_NONE);
  assert.equal(hint(SERVER, 123, 40000), HINT_NONE);
  assert.equal(hint(SERVER.slice(2), 123, 123), HINT_NONE, 'shorter than a message');
});
