/**
 * Writes the tables of protocols in docs/decoding.md, between their marks, from the
 * decoders' descriptions: `npm run docs`. A test compares the two.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { linkTypeName } from '../shared/capture/linktypes.ts';
import type { Numbers, Protocol, TunnelKind } from '../shared/packet/protocol.ts';
import { INTERNET, LINK_LAYERS, TUNNELS } from '../shared/packet/protocols.ts';

const hex = (number: number): string => `0x${number.toString(16).toUpperCase().padStart(4, '0')}`;

/** `EtherType 0x8847, 0x8848`; '' without a number. */
function numbersText(what: string, numbers: Numbers, text: (number: number) => string): string {
  if (numbers === 'others') return `every other ${what}`;
  return numbers.length === 0 ? '' : `${what} ${numbers.map(text).join(', ')}`;
}

function toldBy(protocol: Protocol): string {
  const { linkTypes, etherTypes, pppProtocols, ipProtocols, udpPorts, firstBytes } = protocol;
  return [
    numbersText('link type', linkTypes, (number) => `${number} (${linkTypeName(number)})`),
    numbersText('EtherType', etherTypes, hex),
    numbersText('PPP protocol', pppProtocols, hex),
    numbersText('IP protocol', ipProtocols, String),
    numbersText('UDP port', udpPorts, String),
    firstBytes.length === 0 ? '' : 'or its first bytes',
    protocol.toldBy,
  ]
    .filter((part) => part !== '')
    .join('; ');
}

function kindText({ number, name, id }: TunnelKind): string {
  return `\`${name}\`${id === undefined ? '' : ` with \`${id}\``} (${number})`;
}

/** The tables by the names of their marks. */
const TABLES: Record<string, () => string> = {
  layers: () =>
    `| protocol | told by | notes |\n|---|---|---|\n${[...LINK_LAYERS, ...INTERNET]
      .map((protocol) => `| ${protocol.name} | ${toldBy(protocol)} | ${protocol.notes} |\n`)
      .join('')}`,
  tunnels: () =>
    `| tunnel | told by | in \`tunnel\` (kind in shards) | notes |\n|---|---|---|---|\n${TUNNELS.map(
      (protocol) =>
        `| ${protocol.name} | ${toldBy(protocol)} | ${protocol.kinds.map(kindText).join(', ')} | ${protocol.notes} |\n`,
    ).join('')}`,
};

/** The text of docs/decoding.md with its tables put between their marks. */
export function withProtocols(text: string): string {
  for (const [name, table] of Object.entries(TABLES)) {
    const begin = `<!-- ${name}: npm run docs -->\n`;
    const from = text.indexOf(begin);
    const to = text.indexOf(`<!-- end of ${name} -->`);
    if (from < 0 || to < from) throw new Error(`docs/decoding.md has no marks for its table of ${name}`);
    text = `${text.slice(0, from + begin.length)}\n${table()}\n${text.slice(to)}`;
  }
  return text;
}

if (import.meta.main) {
  const decoding = new URL('./decoding.md', import.meta.url);
  writeFileSync(decoding, withProtocols(readFileSync(decoding, 'utf8')));
}
