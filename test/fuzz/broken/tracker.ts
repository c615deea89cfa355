/** A tracker that never returns from a packet whose time needs more than 32 bits of seconds. */
import { PARTS, type Parts } from '../check/parts.ts';

export const parts: Parts = {
  ...PARTS,
  tracker(...args) {
    const tracker = PARTS.tracker(...args);
    const take = tracker.packet.bind(tracker);
    tracker.packet = (columns, row, ...rest) => {
      while (columns.us[row] > 2 ** 32 * 1e6) columns.ns[row] = 0;
      take(columns, row, ...rest);
    };
    return tracker;
  },
};
