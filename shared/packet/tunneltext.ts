/** Tunnels as text for readers, as the sessions table has them. */
import { ipv4Text, ipv6Text } from './address.ts';
import type { TunnelTable } from './flow/tunneltable.ts';
import { TUNNEL_KINDS } from './protocols.ts';
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

/**
 * A tunnel of the table: `vxlan 10.0.0.1>10.0.0.2 vni=5`. Layers are separated by commas, the outermost first; '' for
 * number 0, no tunnel.
 */
export function tunnelText(tunnels: TunnelTable, number: number): string {
  const words = new Uint32Array(MAX_LAYERS * LAYER_WORDS);
  const layers = tunnels.read(number, words);
  const parts: string[] = [];
  for (let layer = 0; layer < layers; layer++) {
    const at = layer * LAYER_WORDS;
    const first = words[at];
    const kind = TUNNEL_KINDS.get(first & LAYER_KIND);
    const address = (from: number): string =>
      (first & LAYER_V6) === 0 ? ipv4Text(words[from + 3]) : ipv6Text(words, from);
    const named = (first & LAYER_HAS_ID) === 0 ? '' : ` ${kind?.id ?? 'id'}=${words[at + LAYER_ID]}`;
    parts.push(`${kind?.name ?? 'unknown'} ${address(at + LAYER_SOURCE)}>${address(at + LAYER_DESTINATION)}${named}`);
  }
  return parts.join(', ');
}
