/**
 * Zeek's history letters: upper case for the originator, lower case for the responder, `^` for a change of direction.
 * A D I Q are added once a side, S H F R again when their sequence number differs from the last one, G T W at the 1st,
 * 10th, 100th, ... time.
 */

import type { SessionSlots } from './slots.ts';
import * as L from './slots.ts';

// Bits of W_HISTORY_SEEN for the originator; the responder's are 16 higher.
export const SEEN_SYN = 0x1;
export const SEEN_FIN = 0x2;
export const SEEN_RST = 0x4;
export const SEEN_FIN_RST = 0x8;
export const SEEN_PAYLOAD = 0x10;
export const SEEN_ACK = 0x20;
export const SEEN_MULTI = 0x40;

const CARET = 94;
// Upper-case letters as character codes.
export const LETTER_A = 65;
export const LETTER_D = 68;
export const LETTER_F = 70;
export const LETTER_G = 71;
export const LETTER_H = 72;
export const LETTER_I = 73;
export const LETTER_Q = 81;
export const LETTER_R = 82;
export const LETTER_S = 83;
export const LETTER_T = 84;
export const LETTER_W = 87;

/** Appends one letter as it is. */
export function addLetter(s: SessionSlots, slot: number, letter: number): void {
  const at = slot * L.WORDS + L.W_HISTORY_LENGTH;
  const length = s.words[at];
  if (length < L.LETTERS) s.letters[slot * L.LETTERS + length] = letter;
  else if (length < L.HISTORY_LIMIT) s.overflow.set(slot, (s.overflow.get(slot) ?? '') + String.fromCharCode(letter));
  else return;
  s.words[at] = length + 1;
}

/** Appends `^`. */
export function addFlip(s: SessionSlots, slot: number): void {
  addLetter(s, slot, CARET);
}

/** Whether the session has only a SYN-ACK by its presumed originator so far. */
export function isLoneSynAck(s: SessionSlots, slot: number): boolean {
  return s.words[slot * L.WORDS + L.W_HISTORY_LENGTH] === 1 && s.letters[slot * L.LETTERS] === LETTER_H;
}

/** Rewrites the history of such a session as one that was captured from its second packet on. */
export function flipSynAck(s: SessionSlots, slot: number): void {
  // W_HISTORY_SEEN is not changed: Zeek takes the SYN-ACK as the new originator's.
  s.letters[slot * L.LETTERS] = CARET;
  s.letters[slot * L.LETTERS + 1] = LETTER_H | 0x20;
  s.words[slot * L.WORDS + L.W_HISTORY_LENGTH] = 2;
}

/** Whether end `end` (0 = A, 1 = B) is the originator now. */
export function isOriginator(s: SessionSlots, slot: number, end: number): boolean {
  return (s.words[slot * L.WORDS + L.W_FLAGS] & L.FLAG_ORIG_IS_B) === end;
}

/** Appends an upper-case letter in the case of the end that it comes from. */
export function addLetterOf(s: SessionSlots, slot: number, end: number, upper: number): void {
  addLetter(s, slot, isOriginator(s, slot, end) ? upper : upper | 0x20);
}

/** Appends a letter the first time its `seen` bit occurs for that side; returns whether it had occurred before. */
export function addOnce(s: SessionSlots, slot: number, end: number, seen: number, upper: number): boolean {
  const at = slot * L.WORDS + L.W_HISTORY_SEEN;
  const orig = isOriginator(s, slot, end);
  const bit = orig ? seen : seen << 16;
  if ((s.words[at] & bit) !== 0) return true;
  s.words[at] |= bit;
  addLetter(s, slot, orig ? upper : upper | 0x20);
  return false;
}

/** Whether the n-th event of a kind adds a letter: n is a power of ten. */
export function givesLetter(n: number): boolean {
  while (n >= 10 && n % 10 === 0) n /= 10;
  return n === 1;
}

/** Writes the letters as bytes. @returns the place behind them */
export function saveHistory(s: SessionSlots, slot: number, out: Uint8Array, at: number): number {
  const length = s.words[slot * L.WORDS + L.W_HISTORY_LENGTH];
  const inSlot = Math.min(length, L.LETTERS);
  for (let i = 0; i < inSlot; i++) out[at + i] = s.letters[slot * L.LETTERS + i];
  if (length > inSlot) {
    const rest = s.overflow.get(slot) ?? '';
    for (let i = 0; i < rest.length; i++) out[at + inSlot + i] = rest.charCodeAt(i);
  }
  return at + length;
}

/** Sets the letters of a slot that has their number already, from bytes at `at`. @returns the place behind them */
export function restoreHistory(s: SessionSlots, slot: number, from: Uint8Array, at: number): number {
  const length = s.words[slot * L.WORDS + L.W_HISTORY_LENGTH];
  const inSlot = Math.min(length, L.LETTERS);
  for (let i = 0; i < inSlot; i++) s.letters[slot * L.LETTERS + i] = from[at + i];
  if (length > inSlot) s.overflow.set(slot, String.fromCharCode(...from.subarray(at + inSlot, at + length)));
  return at + length;
}

/** The letters as text. */
export function historyText(s: SessionSlots, slot: number): string {
  const length = s.words[slot * L.WORDS + L.W_HISTORY_LENGTH];
  const from = slot * L.LETTERS;
  let text = '';
  for (let i = 0; i < length && i < L.LETTERS; i++) text += String.fromCharCode(s.letters[from + i]);
  return length > L.LETTERS ? text + s.overflow.get(slot) : text;
}
