import type { SessionConfig } from '../sessionconfig.ts';
import type { SessionSlots } from '../slots.ts';
import type { TcpContents } from './tcpcontents.ts';

/** Context shared by the steps of a TCP packet. */
export interface TcpContext {
  slots: SessionSlots;
  contents: TcpContents;
  config: SessionConfig;
  /** Ports of a flow: end A's in the high half, B's in the low half. */
  portsOf(flow: number): number;
  /** ROLE_* bits by port. */
  roles: Uint8Array;
}
