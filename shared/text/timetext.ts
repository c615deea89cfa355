/**
 * An exact UTC time, nine digits after the point: 2023-11-14T22:13:20.123456007Z.
 * @param us whole microseconds since 1970, 0 to 2^53
 * @param ns nanoseconds below, 0..999
 */
export function timeText(us: number, ns: number): string {
  const ms = Math.floor(us / 1000);
  const below = String(us - ms * 1000).padStart(3, '0') + String(ns).padStart(3, '0');
  return new Date(ms).toISOString().replace('Z', `${below}Z`);
}
