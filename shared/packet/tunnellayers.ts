/**
 * Tunnels: the outer headers around a packet. A tunnel is up to MAX_LAYERS layers, outermost first; a layer is its
 * kind, the outer addresses in the packet's own direction, and the identifier in its header (VNI, TEID, GRE key). Outer
 * ports are left out: senders vary them by flow.
 */

/** Layers that are unpacked (Zeek's Tunnel::max_depth). */
export const MAX_LAYERS = 2;
/** 32-bit words of a layer: kind and flags, source, destination, number. */
export const LAYER_WORDS = 10;
export const LAYER_SOURCE = 1;
export const LAYER_DESTINATION = 5;
export const LAYER_ID = 9;

/** Bits of a layer's first word that hold its kind. */
export const LAYER_KIND = 0x3f;
/** Flag of a layer's first word: it has an identifier. */
export const LAYER_HAS_ID = 0x40;
/** Flag of a layer's first word: the addresses are IPv6. */
export const LAYER_V6 = 0x80;
