/** Zeek's conn_state: a summary of how a session went (base/protocols/conn/main.zeek). */
import { historyText } from '../history.ts';
import * as L from '../slots.ts';
import { sequenceBytes } from '../tcp/tcpcontents.ts';
import { CONN_STATES } from './sessionrows.ts';

const indexOf = (state: (typeof CONN_STATES)[number]): number => CONN_STATES.indexOf(state);
const S0 = indexOf('S0');
const S1 = indexOf('S1');
const SF = indexOf('SF');
const REJ = indexOf('REJ');
const S2 = indexOf('S2');
const S3 = indexOf('S3');
const RSTO = indexOf('RSTO');
const RSTR = indexOf('RSTR');
const RSTOS0 = indexOf('RSTOS0');
const RSTRH = indexOf('RSTRH');
const SH = indexOf('SH');
const SHR = indexOf('SHR');
const OTH = indexOf('OTH');

/** A SYN, then a reset by the same side before anything that could have established a session. */
const SYN_THEN_RESET = /^\^?S[^HAFGIQ]*R/;

function tcpState(s: L.SessionSlots, slot: number, origEnd: number): number {
  const ends = slot * L.WORDS + L.W_ENDS;
  const os = s.words[ends + origEnd * L.W_END_SIZE + L.E_STATE] & L.STATE_MASK;
  const rs = s.words[ends + (origEnd ^ 1) * L.W_END_SIZE + L.E_STATE] & L.STATE_MASK;
  const origSilent = os === L.STATE_INACTIVE || os === L.STATE_PARTIAL;
  const respSilent = rs === L.STATE_INACTIVE || rs === L.STATE_PARTIAL;
  if (rs === L.STATE_RESET) {
    if (os === L.STATE_SYN_SENT || os === L.STATE_SYN_ACK_SENT) return REJ;
    if (os === L.STATE_RESET && sequenceBytes(s, slot, 0) === 0 && sequenceBytes(s, slot, 1) === 0) return REJ;
    return origSilent ? RSTRH : RSTR;
  }
  if (os === L.STATE_RESET) {
    if (!respSilent) return RSTO;
    return SYN_THEN_RESET.test(historyText(s, slot)) ? RSTOS0 : OTH;
  }
  if (rs === L.STATE_CLOSED && os === L.STATE_CLOSED) return SF;
  if (os === L.STATE_CLOSED) return respSilent ? SH : S2;
  if (rs === L.STATE_CLOSED) return origSilent ? SHR : S3;
  if (os === L.STATE_SYN_SENT && rs === L.STATE_INACTIVE) return S0;
  return os === L.STATE_ESTABLISHED && rs === L.STATE_ESTABLISHED ? S1 : OTH;
}

/** Index into CONN_STATES for the session in `slot`. */
export function connState(s: L.SessionSlots, slot: number): number {
  const flags = s.words[slot * L.WORDS + L.W_FLAGS];
  const origEnd = flags & L.FLAG_ORIG_IS_B;
  const kind = (flags & L.FLAG_KIND_MASK) >> L.FLAG_KIND_SHIFT;
  if (kind === L.KIND_TCP) return tcpState(s, slot, origEnd);
  if (kind !== L.KIND_UDP) return OTH;
  const ends = slot * L.WORDS + L.W_ENDS;
  const orig = s.words[ends + origEnd * L.W_END_SIZE + L.E_STATE] !== L.STATE_INACTIVE;
  const resp = s.words[ends + (origEnd ^ 1) * L.W_END_SIZE + L.E_STATE] !== L.STATE_INACTIVE;
  if (orig) return resp ? SF : S0;
  return resp ? SHR : OTH;
}
