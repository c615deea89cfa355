/** The list of protocols: it has every decoder, and each can be reached. */
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { test } from 'node:test';
import { TunnelPorts } from '../../shared/packet/ip/tunnelports.ts';
import { UdpTunnels } from '../../shared/packet/ip/udptunnels.ts';
import { PacketCursor } from '../../shared/packet/packetcursor.ts';
import { FORM_HEADER, type Protocol, protocol, udpTunnel } from '../../shared/packet/protocol.ts';
import { NumberSpace } from '../../shared/packet/protocolnumbers.ts';
import { BY_CODE, TUNNEL_KINDS, UDP_SERVER_PORTS } from '../../shared/packet/protocols.ts';
import { LAYER_KIND } from '../../shared/packet/tunnellayers.ts';
import { SPACE_ETHER_TYPE } from '../../shared/packet/undecodednames.ts';
import { KINDS } from '../golden/packets.ts';
import { Workbench } from './harness.ts';

const FOLDERS = ['link', 'ip', 'tunnel'].map((name) => new URL(`../../shared/packet/${name}/`, import.meta.url));

function isProtocol(value: unknown): value is Protocol {
  return typeof value === 'object' && value !== null && 'decode' in value && 'form' in value;
}

/** A link type for private use, without a decoder. */
const USER0 = 147;

test('every protocol defined in a file is on the list', async () => {
  const found: Protocol[] = [];
  for (const folder of FOLDERS)
    for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
      if (!name.endsWith('.ts')) continue;
      const exported: Record<string, unknown> = await import(new URL(name, folder).href);
      found.push(...Object.values(exported).filter(isProtocol));
    }
  const listed = new Set(BY_CODE);
  assert.deepEqual(
    found.filter((one) => !listed.has(one)).map(({ name }) => name),
    [],
  );
  assert.equal(found.length, listed.size);
});

test('the golden captures have a packet of each protocol', () => {
  const decoded = new Set<Protocol>();
  const restore = BY_CODE.map((one) => {
    const { decode } = one;
    const open = one as { decode: Protocol['decode'] };
    open.decode = (c) => {
      decoded.add(one);
      return decode(c);
    };
    return () => {
      open.decode = decode;
    };
  });
  try {
    for (const [, linkType, frame] of KINDS) new Workbench().decode(frame, linkType);
    new Workbench().decode(new Uint8Array(40), USER0);
  } finally {
    for (const undo of restore) undo();
  }
  assert.deepEqual(
    BY_CODE.filter((one) => !decoded.has(one)).map(({ name }) => name),
    [],
    'test/golden/packets.ts has no packet of these',
  );
});

test('for the docs, each protocol has a name of its own and something that leads to it', () => {
  assert.equal(new Set(BY_CODE.map(({ name }) => name)).size, BY_CODE.length);
  for (const { name, toldBy, linkTypes, etherTypes, pppProtocols, ipProtocols, udpPorts } of BY_CODE)
    assert.ok(
      [toldBy, linkTypes, etherTypes, pppProtocols, ipProtocols, udpPorts].some(({ length }) => length > 0),
      name,
    );
});

test('the numbers of tunnels in existing shards do not change', () => {
  for (const [number, name, id] of [
    [1, 'ip', undefined],
    [2, 'gre', 'key'],
    [3, 'pptp', 'call'],
    [4, 'erspan', 'session'],
    [5, 'vxlan', 'vni'],
    [6, 'geneve', 'vni'],
    [7, 'gtpv1', 'teid'],
    [8, 'teredo', undefined],
    [9, 'ayiya', undefined],
    [10, 'vxlan-gpe', 'vni'],
    [11, 'etherip', undefined],
    [12, 'l2tp', 'session'],
    [13, 'l2tpv3', 'session'],
  ] as const) {
    const kind = TUNNEL_KINDS.get(number);
    assert.deepEqual([kind?.name, kind?.id], [name, id]);
  }
  for (const number of TUNNEL_KINDS.keys()) assert.ok(number > 0 && number <= LAYER_KIND, `${number}`);
});

test('a session with a tunnel’s port has a likely server', () => {
  for (const port of [53, 123, 2123, 2152, 3544, 4754, 4789, 5072, 6081]) assert.ok(UDP_SERVER_PORTS.includes(port));
  assert.deepEqual(
    UDP_SERVER_PORTS,
    UDP_SERVER_PORTS.toSorted((a, b) => a - b),
  );
});

const decode = () => -1;

test('a number leads to one protocol; all others may lead to another', () => {
  const c = new PacketCursor({ anomaly() {} }, new TunnelPorts());
  const space = new NumberSpace('EtherType', 16, SPACE_ETHER_TYPE);
  const [first, second] = ['first', 'second'].map((name) => protocol({ name, decode }));
  assert.equal(first.form, FORM_HEADER);
  const nothing = space.next(0x0800, c);
  assert.ok(nothing < 0, 'a fate');
  assert.deepEqual([c.undecodedSpace, c.undecodedNumber], [SPACE_ETHER_TYPE, 0x0800]);
  space.enter([0x0800, 0xffff], first);
  assert.throws(() => space.enter([0x86dd, 0xffff], second), /^Error: second: EtherType 65535 is another protocol's$/);
  const rest = protocol({ name: 'rest', decode });
  const clean = new NumberSpace('EtherType', 16, SPACE_ETHER_TYPE);
  clean.enter([0x0800], first);
  clean.enter('others', rest);
  assert.deepEqual(
    [0x0800, 0, 0xffff].map((number) => clean.next(number, c)),
    [first.code, rest.code, rest.code],
  );
  assert.equal(c.undecodedNumber, 0xffff, 'the rest is noted too');
  c.undecodedSpace = 0;
  clean.next(0x0800, c);
  assert.equal(c.undecodedSpace, 0, 'what has a decoder of its own is not');
});

test('a UDP port is one tunnel’s, and no service’s', () => {
  const kinds = [{ number: 62, name: 'x' }];
  const tunnels = new UdpTunnels();
  const tunnel = udpTunnel({ name: 'x', udpPorts: [7000, 9000], kinds, decode });
  tunnels.enter(tunnel);
  for (const port of [53, 9000])
    assert.throws(
      () => tunnels.enter(udpTunnel({ name: 'y', udpPorts: [port], kinds, decode })),
      new RegExp(`^Error: y: UDP port ${port} is another protocol's$`),
    );
  const named = (source: number, destination: number) => tunnels.ports.tunnel(source, destination) === tunnel.code;
  assert.deepEqual([named(1, 7000), named(9000, 1), named(7000, 9000), named(1, 8000)], [true, true, true, false]);
  assert.deepEqual([named(53, 7000), named(7000, 53)], [false, false], 'the other port is a service');
});

test('a tunnel is recognized by the masked first bytes, and by `looksLike`', () => {
  const tunnels = new UdpTunnels();
  const kinds = [{ number: 62, name: 'x' }];
  const by = (mask: number, value: number, looksLike?: Protocol['looksLike']) => {
    const tunnel = udpTunnel({
      name: `${mask}`,
      udpPorts: [],
      firstBytes: [{ mask, value }],
      looksLike,
      kinds,
      decode,
    });
    tunnels.enter(tunnel);
    return tunnel.code;
  };
  const fourth = by(0x000000ff, 0x00000007);
  const outer = by(0xf0000f00, 0xa0000500, (bytes, at, end) => end - at > 20 && bytes[at + 4] === 1);
  const of = (head: number[], length = 24) => {
    const payload = Uint8Array.from({ length: length + 3 }, (_, i) => head[i - 3] ?? 0);
    return tunnels.ofBytes(payload, 3, payload.length);
  };
  assert.equal(of([1, 2, 3, 7]), fourth);
  assert.equal(of([1, 2, 3, 8]), -1);
  assert.equal(of([0xaf, 2, 0xf5, 8, 1]), outer);
  assert.equal(of([0xaf, 2, 0xf5, 7, 1]), fourth, 'the first registered');
  assert.equal(of([0xaf, 2, 0xf5, 8, 2]), -1);
  assert.equal(of([0xaf, 2, 0xf5, 8, 1], 20), -1);
  assert.equal(of([1, 2, 3, 7], 19), -1, 'no room for an IP header');
});

test('one matching pattern is enough, and each of its bits counts', () => {
  const tunnels = new UdpTunnels();
  const kinds = [{ number: 62, name: 'x' }];
  const head = [0xa1, 0xb2, 0xc3, 0xd4];
  tunnels.enter(
    udpTunnel({ name: 'x', udpPorts: [], firstBytes: [{ mask: 0xffffffff, value: 0xa1b2c3d4 }], kinds, decode }),
  );
  const isFound = (bytes: number[]) =>
    tunnels.ofBytes(
      Uint8Array.from({ length: 20 }, (_, i) => bytes[i] ?? 0),
      0,
      20,
    ) >= 0;
  assert.ok(isFound(head));
  for (let bit = 0; bit < 32; bit++)
    assert.ok(!isFound(head.map((byte, i) => (i === bit >> 3 ? byte ^ (1 << (bit & 7)) : byte))), `bit ${bit}`);
});
