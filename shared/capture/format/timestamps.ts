/**
 * pcapng timestamps: 64-bit counts of units that if_tsresol gives as 10^-n or 2^-n seconds, plus if_tsoffset whole
 * seconds (draft-ietf-opsawg-pcapng, section 4.2). Converted into whole microseconds and the nanoseconds below in
 * doubles: every product stays under 2^53, so nothing is rounded but the part under a nanosecond, which is truncated.
 * If a count is beyond MAX_US and a negative offset may bring it back, BigInt is used. Only units under 10^-19 and
 * 2^-64 seconds, whose whole range is less than two seconds, are computed in floating point.
 */

import { MAX_US } from '../facts.ts';

const TWO32 = 0x1_0000_0000;

/** The clock of one interface. `read` leaves its result in `us` and `ns`. */
export class InterfaceClock {
  us = 0;
  ns = 0;
  /** The last time read lay outside 0..MAX_US and was moved to the nearer end. */
  clamped = false;
  /** 'us', 'ns', or the unit as 10^-n or 2^-n. */
  readonly resolution: string;
  private readonly exponent: number;
  private readonly binary: boolean;
  private readonly offset: bigint;
  private readonly offsetUs: number;

  /**
   * @param tsresol the option's byte: the top bit set means a power of two; 6 when the option is absent
   * @param offsetSeconds if_tsoffset, 0 when absent
   */
  constructor(tsresol: number, offsetSeconds: bigint) {
    this.exponent = tsresol & 0x7f;
    this.binary = (tsresol & 0x80) !== 0;
    this.offset = offsetSeconds;
    this.offsetUs = Number(offsetSeconds) * 1e6;
    const decimal = this.exponent === 6 ? 'us' : this.exponent === 9 ? 'ns' : `10^-${this.exponent}`;
    this.resolution = this.binary ? `2^-${this.exponent}` : decimal;
  }

  /** Read the count hi * 2^32 + lo. */
  read(hi: number, lo: number): void {
    if (this.binary) this.readBinary(hi, lo);
    else this.readDecimal(hi, lo);
    if (this.us > MAX_US && this.offsetUs < 0) this.readExact(hi, lo);
    else this.us += this.offsetUs;
    this.clamped = this.us < 0 || this.us > MAX_US;
    if (this.clamped) {
      this.us = this.us < 0 ? 0 : MAX_US;
      this.ns = 0;
    }
  }

  /** The same, with the offset, in BigInt. */
  private readExact(hi: number, lo: number): void {
    const unit = (this.binary ? 2n : 10n) ** BigInt(this.exponent);
    const count = (BigInt(hi) << 32n) | BigInt(lo);
    const nanos = (count * 1_000_000_000n) / unit + this.offset * 1_000_000_000n;
    this.us = nanos < 0n ? -1 : Number(nanos / 1000n);
    this.ns = Number(nanos % 1000n);
  }

  private readDecimal(hi: number, lo: number): void {
    const n = this.exponent;
    if (n <= 6) {
      this.us = (hi * TWO32 + lo) * 10 ** (6 - n);
      this.ns = 0;
      return;
    }
    if (n > 19) {
      this.fraction((hi * TWO32 + lo) * 10 ** -n);
      return;
    }
    // Long division by the units in a microsecond, in digits small enough for the divisor.
    const divisor = 10 ** (n - 6);
    const bits = n <= 12 ? 32 : n <= 17 ? 16 : 8;
    const base = 2 ** bits;
    let rest = 0;
    let us = 0;
    for (let shift = 64 - bits; shift >= 0; shift -= bits) {
      const word = shift >= 32 ? hi : lo;
      const digit = bits === 32 ? word : (word >>> (shift & 31)) & (base - 1);
      const part = rest * base + digit;
      const quotient = Math.floor(part / divisor);
      rest = part - quotient * divisor;
      us = us * base + quotient;
    }
    this.us = us;
    this.ns = n <= 9 ? rest * 10 ** (9 - n) : Math.floor(rest / 10 ** (n - 9));
  }

  private readBinary(hi: number, lo: number): void {
    const n = this.exponent;
    if (n > 64) {
      this.fraction((hi * TWO32 + lo) * 2 ** -n);
      return;
    }
    // The count is cut into whole seconds and a fraction over 2^n, held as top * 2^32 + low.
    let seconds: number;
    let top: number;
    let low: number;
    if (n <= 32) {
      const unit = 2 ** n;
      const lowSeconds = Math.floor(lo / unit);
      seconds = hi * 2 ** (32 - n) + lowSeconds;
      // Scaled to a fraction of 2^32: `low` is 0.
      top = (lo - lowSeconds * unit) * 2 ** (32 - n);
      low = 0;
      this.scale(seconds, top, low, 32);
      return;
    }
    const unit = 2 ** (n - 32);
    seconds = Math.floor(hi / unit);
    top = hi - seconds * unit;
    low = lo;
    this.scale(seconds, top, low, n);
  }

  /** us and ns of `seconds` + (top * 2^32 + low) / 2^n, n in 33..64, or top / 2^32 when n is 32. */
  private scale(seconds: number, top: number, low: number, n: number): void {
    if (n === 32) {
      const micros = top * 1e6;
      const us = Math.floor(micros / TWO32);
      this.us = seconds * 1e6 + us;
      this.ns = Math.floor(((micros - us * TWO32) * 1000) / TWO32);
      return;
    }
    const unit = 2 ** (n - 32);
    const lowMicros = low * 1e6;
    const carry = Math.floor(lowMicros / TWO32);
    const lowRest = lowMicros - carry * TWO32;
    const micros = top * 1e6 + carry;
    const us = Math.floor(micros / unit);
    const rest = micros - us * unit;
    this.us = seconds * 1e6 + us;
    this.ns = Math.floor((rest * 1000 + Math.floor((lowRest * 1000) / TWO32)) / unit);
  }

  /** A time of less than two seconds, in floating point. */
  private fraction(seconds: number): void {
    const nanos = Math.floor(seconds * 1e9);
    this.us = Math.floor(nanos / 1000);
    this.ns = nanos - this.us * 1000;
  }
}
