/** TCP's control bits, as PacketColumns.tcpFlags holds them (RFC 9293, 3.1). */
export const FIN = 1;
export const SYN = 2;
export const RST = 4;
export const ACK = 16;
