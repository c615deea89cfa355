/** Services that are known by what was said, on any port, may be idle for an hour. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { HINT_FTP_COMMAND, HINT_FTP_REPLY, HINT_SSH_BANNER } from '../../../shared/packet/columns.ts';
import { ACK, Dialogue, SECOND } from '../dialogue.ts';

/** Sessions of a connection on which A and B say something, and A goes on after ten silent minutes. */
function sessions(a: readonly number[], b: readonly number[]): number {
  const d = new Dialogue(40000, 40021).handshake();
  for (const [i, hint] of a.entries()) d.a({ flags: ACK, seq: 101 + i * 10, ack: 501, len: 10, hint });
  const seq = 101 + a.length * 10;
  for (const [i, hint] of b.entries()) d.b({ flags: ACK, seq: 501 + i * 10, ack: seq, len: 10, hint });
  return d.a({ flags: ACK, seq, ack: 501 + b.length * 10, len: 10, at: 600 * SECOND }).end().length;
}

test('SSH is known by banners of both sides', () => {
  assert.equal(sessions([HINT_SSH_BANNER], [HINT_SSH_BANNER]), 1);
  assert.equal(sessions([HINT_SSH_BANNER, HINT_SSH_BANNER], []), 2);
  assert.equal(sessions([], [HINT_SSH_BANNER, HINT_SSH_BANNER]), 2);
});

test('FTP is known by a reply and a command', () => {
  assert.equal(sessions([HINT_FTP_COMMAND], [HINT_FTP_REPLY]), 1);
  assert.equal(sessions([HINT_FTP_COMMAND, HINT_FTP_COMMAND], []), 2);
  assert.equal(sessions([], [HINT_FTP_REPLY, HINT_FTP_REPLY]), 2);
});

test('what looks half like one and half like the other is neither', () => {
  assert.equal(sessions([HINT_FTP_COMMAND], [HINT_SSH_BANNER]), 2);
  assert.equal(sessions([HINT_SSH_BANNER], [HINT_FTP_REPLY]), 2);
});
