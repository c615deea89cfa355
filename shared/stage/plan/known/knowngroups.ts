/**
 * Groups of captures that have shards, as earlier jobs have planned them, and which of them a map task has joined.
 * Records of a part: a group is 1 (1 byte), its name (16 bytes), when this was noted and when its summary was written
 * (doubles), the summary's bytes (4, 0 while nobody has looked whether it is there), the number of its captures (4), and
 * of each the digest of what it holds (16); without captures it is none any more. Of several records the newest counts.
 * Joined groups are 2, their name, the number of groups (4), and their names.
 */
import { DIGEST_WORDS } from '../../../algorithm/digesttable.ts';
import type { ObjectHead, ObjectStore } from '../../../store/objectstore.ts';
import { KnownParts } from './knownparts.ts';

/** A group of captures whose shards map wrote. */
export interface KnownGroup {
  /** Its name in the keys of its shards. */
  group: string;
  /** When this was noted, milliseconds since 1970. */
  noted: number;
  /** When its summary was written, milliseconds since 1970; infinite where the store does not tell. */
  made: number;
  /** Bytes of its summary; 0 while nobody has looked whether there is one. */
  bytes: number;
  /** Of each capture, in order, the digest of what it holds. */
  contents: Uint32Array;
}

/** Groups whose summaries a map task has put into one object. */
export interface JoinedGroups {
  group: string;
  groups: string[];
}

const GROUP = 1;
const JOINED = 2;
const NAME_BYTES = 16;
const CONTENT_BYTES = 4 * DIGEST_WORDS;
const GROUP_BYTES = 1 + NAME_BYTES + 8 + 8 + 4 + 4;
const JOINED_BYTES = 1 + NAME_BYTES + 4;

export class KnownGroups {
  readonly groups = new Map<string, KnownGroup>();
  readonly joined = new Map<string, JoinedGroups>();
  private readonly parts: KnownParts;
  private fresh: Uint8Array[] = [];

  /** @param prefix of the parts' keys */
  constructor(store: ObjectStore, prefix: string) {
    this.parts = new KnownParts(store, prefix);
  }

  /** Reads what is known. @returns whether that is all: there are parts, and none is damaged */
  async read(listed: readonly ObjectHead[], onDamaged?: (words: string) => void): Promise<boolean> {
    const take = (body: Uint8Array): void => {
      for (const { group, joined } of recordsOf(body))
        if (group !== undefined) this.enter(group);
        else this.joined.set(joined.group, joined);
    };
    await this.parts.read(listed, take, onDamaged);
    return this.parts.found > 0 && !this.parts.damaged;
  }

  /** Adds a group, or what has been learned of it. */
  add(group: KnownGroup): void {
    this.groups.set(group.group, group);
    this.fresh.push(groupRecord(group));
  }

  addJoined(joined: JoinedGroups): void {
    this.joined.set(joined.group, joined);
    this.fresh.push(joinedRecord(joined));
  }

  /** Writes what was added. @param isKept whether a record is still of use */
  write(isKept: (record: KnownGroup | JoinedGroups) => boolean): Promise<void> {
    const fresh = Buffer.concat(this.fresh);
    this.fresh = [];
    return this.parts.add(fresh, (bodies) => merged(bodies, isKept));
  }

  private enter(group: KnownGroup): void {
    const known = this.groups.get(group.group);
    if (known === undefined || known.noted < group.noted) this.groups.set(group.group, group);
  }
}

type KnownRecord = { bytes: Uint8Array } & (
  | { group: KnownGroup; joined?: undefined }
  | { group?: undefined; joined: JoinedGroups }
);

function* recordsOf(body: Uint8Array): Generator<KnownRecord> {
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength);
  const name = (at: number): string => Buffer.from(body.subarray(at, at + NAME_BYTES)).toString('hex');
  for (let at = 0, end = 0; at < body.length; at = end) {
    const group = name(at + 1);
    if (body[at] === GROUP) {
      const captures = at + GROUP_BYTES;
      end = captures + CONTENT_BYTES * view.getUint32(at + GROUP_BYTES - 4, true);
      const noted = view.getFloat64(at + 1 + NAME_BYTES, true);
      const made = view.getFloat64(at + 1 + NAME_BYTES + 8, true);
      const bytes = view.getUint32(at + GROUP_BYTES - 8, true);
      const contents = new Uint32Array(body.slice(captures, end).buffer);
      yield { bytes: body.subarray(at, end), group: { group, noted, made, bytes, contents } };
    } else {
      const first = at + JOINED_BYTES;
      end = first + NAME_BYTES * view.getUint32(first - 4, true);
      const groups: string[] = [];
      for (let next = first; next < end; next += NAME_BYTES) groups.push(name(next));
      yield { bytes: body.subarray(at, end), joined: { group, groups } };
    }
  }
}

function groupRecord({ group, noted, made, bytes, contents }: KnownGroup): Uint8Array {
  const record = new Uint8Array(GROUP_BYTES + contents.byteLength);
  const view = new DataView(record.buffer);
  record[0] = GROUP;
  record.set(Buffer.from(group, 'hex'), 1);
  view.setFloat64(1 + NAME_BYTES, noted, true);
  view.setFloat64(1 + NAME_BYTES + 8, made, true);
  view.setUint32(GROUP_BYTES - 8, bytes, true);
  view.setUint32(GROUP_BYTES - 4, contents.length / DIGEST_WORDS, true);
  record.set(new Uint8Array(contents.buffer, contents.byteOffset, contents.byteLength), GROUP_BYTES);
  return record;
}

function joinedRecord({ group, groups }: JoinedGroups): Uint8Array {
  const record = new Uint8Array(JOINED_BYTES + NAME_BYTES * groups.length);
  record[0] = JOINED;
  record.set(Buffer.from(group, 'hex'), 1);
  new DataView(record.buffer).setUint32(JOINED_BYTES - 4, groups.length, true);
  for (const [at, name] of groups.entries()) record.set(Buffer.from(name, 'hex'), JOINED_BYTES + NAME_BYTES * at);
  return record;
}

/** Of each name the newest record, of those that are of use. */
function merged(bodies: readonly Uint8Array[], isKept: (record: KnownGroup | JoinedGroups) => boolean): Uint8Array {
  const newest = new Map<string, { noted: number; bytes: Uint8Array }>();
  for (const body of bodies)
    for (const { bytes, group, joined } of recordsOf(body)) {
      const record = group ?? joined;
      const noted = group?.noted ?? 0;
      const known = newest.get(record.group);
      if (isKept(record) && (known === undefined || known.noted < noted)) newest.set(record.group, { noted, bytes });
    }
  return Buffer.concat([...newest.values()].map(({ bytes }) => bytes));
}
