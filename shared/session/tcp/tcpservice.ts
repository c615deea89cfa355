/**
 * SSH with banners from both sides, FTP with a reply and a command, may be idle for long on any port: Zeek raises the
 * timeout of sessions that its analyzers have confirmed.
 */
import { HINT_FTP_COMMAND, HINT_FTP_REPLY, HINT_SSH_BANNER } from '../../packet/columns.ts';
import * as L from '../slots.ts';
import { setIdle } from './tcpstate.ts';

const SSH = L.FLAG_SSH_A | L.FLAG_SSH_B;
const FTP = L.FLAG_FTP_REPLY | L.FLAG_FTP_COMMAND;

/** A packet of end `end` whose payload looked like a service's: HINT_*. */
export function noteService(words: Int32Array, slot: number, end: number, hint: number): void {
  const at = slot * L.WORDS + L.W_FLAGS;
  if (hint === HINT_SSH_BANNER) words[at] |= end === 1 ? L.FLAG_SSH_B : L.FLAG_SSH_A;
  else if (hint === HINT_FTP_REPLY) words[at] |= L.FLAG_FTP_REPLY;
  else if (hint === HINT_FTP_COMMAND) words[at] |= L.FLAG_FTP_COMMAND;
  if ((words[at] & SSH) === SSH || (words[at] & FTP) === FTP) setIdle(words, slot, L.IDLE_LONG);
}
