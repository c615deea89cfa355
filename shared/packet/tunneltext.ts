/** Tunnels as text for readers, as the sessions table has them. */
import { ipv4Text, ipv6Text } from './address.ts';
import type { TunnelTable } from './flow/tunneltable.ts';
import {
  LAYER_DESTINATION,
  LAYER_HAS_ID,
  LAYER_ID,
  LAYER_KIND,
  LAYER_SOURCE,
  LAYER_V6,
  LAYER_WORDS,
  MAX_LAYERS,
} from './tunnellayers.ts';

/** Name of each kind, and of its number. */
const KINDS: readonly (readonly [name: string, id: string])[] = [
  ['unknown', 'id'],
  ['ip', 'id'],
  ['gre', 'key'],
  ['pptp', 'call'],
  ['erspan', 'session'],
  ['vxlan', 'vni'],
  ['geneve', 'vni'],
  ['gtpv1', 'teid'],
  ['teredo', 'id'],
  ['ayiya', 'id'],
];

/**
 * A tunnel of the table: `vxlan 10.0.0.1>10.0.0.2 vni=5`. Layers are parted by commas, the outermost first;
 * '' for number 0, no tunnel.
 */
export function tunnelText(tunnels: TunnelTable, number: number): string {
  const words = new Uint32Array(MAX_LAYERS * LAYER_WORDS);
  const layers = tunnels.read(number, words);
  const parts: string[] = [];
  for (let layer = 0; layer < layers; layer++) {
    const at = layer * LAYER_WORDS;
    const first = words[at];
    const [kind, id] = KINDS[first & LAYER_KIND] ?? KINDS[0];
    const address = (from: number): string =>
      (first & LAYER_V6) === 0 ? ipv4Text(words[from + 3]) : ipv6Text(words, from);
    const named = (first & LAYER_HAS_ID) === 0 ? '' : ` ${id}=${words[at + LAYER_ID]}`;
    parts.push(`${kind} ${address(at + LAYER_SOURCE)}>${address(at + LAYER_DESTINATION)}${named}`);
  }
  return parts.join(', ');
}
