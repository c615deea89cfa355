/** The field behind the addresses of a frame: an EtherType (IEEE 802), or a length (IEEE 802.3) with LLC after it. */

/** Numbers up to this are a length. */
export const MAX_LENGTH_FIELD = 1500;
/** EtherTypes begin here; the numbers between the two are undefined. */
export const MIN_ETHERTYPE = 1536;
