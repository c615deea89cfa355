/** All attacks, in the order of the table. */
import type { Attack } from './attack.ts';
import { FLOW_COLLISIONS, TUNNEL_COLLISIONS } from './collisions.ts';
import { COMPRESSION_ATTACKS } from './compressed.ts';
import { FRAMING_ATTACKS } from './framing.ts';
import { STATE_ATTACKS } from './state.ts';

export const ATTACKS: readonly Attack[] = [
  FLOW_COLLISIONS,
  TUNNEL_COLLISIONS,
  ...STATE_ATTACKS,
  ...COMPRESSION_ATTACKS,
  ...FRAMING_ATTACKS,
];
