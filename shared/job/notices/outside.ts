/**
 * Packets that ended outside sessions although they may hold what a session is made of: a job that left most of its
 * packets out must not look like one that had no more. ARP and the like are not meant: they carry no IP.
 */
import { FATE_NOT_IP, FATES, fateOf } from '../../packet/fate.ts';
import { undecodedByName } from '../../packet/undecoded.ts';
import type { RankedCapture } from '../tasks/maptask.ts';
import { INCOMPLETE, remedyOf } from './remedies.ts';

const UNKNOWN_LINK_TYPE = fateOf('unknown_link_type');
/** Fates of packets that hold nothing of a session: they are complete, and say so. */
const EMPTY = new Set<string>(['teredo_bubble', 'ipv6_no_next']);

/** Names of what is not decoded (shared/packet/undecodednames.ts) that are a bare number: nobody can say that no IP is in them. */
const BARE =
  /^(?:ethertype|llc_sap|snap_[0-9a-f]{6}|ppp|address_family|nlpid|behind_mpls|nsh|erf_type|ip_protocol)_(?:0x[0-9a-f]+|\d+)$/;
/** Ends of the names of what is known to carry other protocols. */
const CARRIERS =
  /_(?:MACsec|Ethernet|IPv4|IPv6|IP|PPP|MPLS|SNAP|TRILL|HSR|NSH|\w+_tag|organisation_extended|802\.1BR_ETag|Cisco_TTag|Cisco_CMD|Marvell_EDSA|Arista_timestamp|bridged_Ethernet|bridged_Ethernet_with_FCS|bridging|compressed_TCP|uncompressed_TCP|multilink|encryption|compression|compression_of_a_link|fragment)$/;

/** Whether packets of which nothing is decoded may hold IP, unlike ARP. */
function mayHoldIp(name: string): boolean {
  return name === 'others' || BARE.test(name) || CARRIERS.test(name);
}

/** A reason, and the packets that have it. */
export interface OutsideReason {
  /** Name of a fate, `fragments_incomplete`, or of what is not decoded (`link_type_230_...`). */
  reason: string;
  packets: number;
  /** What can be done. */
  remedy: string;
}

/** A capture with more than half of its packets outside sessions. */
export interface UnusedCapture {
  capture: string;
  packets: number;
  outside: number;
  /** The most frequent reason. */
  reason: string;
}

export interface Outside {
  packets: number;
  /** The most frequent first; equal ones by name. */
  reasons: OutsideReason[];
  /** In order of rank. */
  captures: UnusedCapture[];
}

export function outsideOf(captures: readonly RankedCapture[]): Outside {
  const all = new Map<string, number>();
  const unused: UnusedCapture[] = [];
  for (const outcome of captures) {
    // The packets of a copy are in the capture used instead.
    if (outcome.copyOf !== null) continue;
    const own = reasonsOf(outcome);
    let outside = 0;
    for (const [reason, packets] of own) {
      outside += packets;
      all.set(reason, (all.get(reason) ?? 0) + packets);
    }
    const { capture, facts } = outcome;
    if (outside * 2 > facts.records)
      unused.push({ capture: capture.name, packets: facts.records, outside, reason: inOrder(own)[0][0] });
  }
  const reasons = inOrder(all).map(([reason, packets]) => ({ reason, packets, remedy: remedyOf(reason) }));
  return { packets: reasons.reduce((sum, { packets }) => sum + packets, 0), reasons, captures: unused };
}

function inOrder(counts: ReadonlyMap<string, number>): [reason: string, packets: number][] {
  return [...counts].sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1));
}

/** Reasons of one capture's packets. */
function reasonsOf({ fates, undecoded, fragmentsIncomplete }: RankedCapture): Map<string, number> {
  const reasons = new Map<string, number>();
  const add = (reason: string, packets: number): void => {
    if (packets > 0) reasons.set(reason, (reasons.get(reason) ?? 0) + packets);
  };
  const left = Array.from(fates);
  // Numbers of other fates are among them too: no fate is told of more packets than have it.
  const blame = (fate: number, reason: string, packets: number): void => {
    const told = Math.min(packets, left[fate]);
    left[fate] -= told;
    add(reason, told);
  };
  for (const { name, count } of undecodedByName(undecoded))
    if (name.startsWith('link_type_')) blame(UNKNOWN_LINK_TYPE, name, count);
    else if (mayHoldIp(name)) blame(FATE_NOT_IP, name, count);
  for (let fate = FATE_NOT_IP + 1; fate < FATES.length; fate++)
    if (!EMPTY.has(FATES[fate])) add(FATES[fate], left[fate]);
  add(INCOMPLETE, fragmentsIncomplete);
  return reasons;
}
