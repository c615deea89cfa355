/** A decoder that loses packets of one kind: it reports them as in sessions but adds no row. */
import { FATE_SESSION } from '../../../shared/packet/fate.ts';
import { PARTS, type Parts } from '../check/parts.ts';

export const parts: Parts = {
  ...PARTS,
  decoder(...args) {
    const decoder = PARTS.decoder(...args);
    const [, columns] = args;
    const decode = decoder.packet.bind(decoder);
    decoder.packet = (...record) => {
      const before = columns.length;
      const fate = decode(...record);
      // Every packet of 1 byte of payload.
      if (fate === FATE_SESSION && columns.payloadLen[before] === 1) columns.length = before;
      return fate;
    };
    return decoder;
  },
};
