/** The casebook: all cases. */
import type { Case } from './case.ts';
import { DATAGRAMS } from './datagrams.ts';
import { LAYERS } from './layers.ts';
import { OPENED } from './opened.ts';
import { STREAMS } from './streams.ts';
import { UNOPENED } from './unopened.ts';

export const CASES: readonly Case[] = [...OPENED, ...UNOPENED, ...STREAMS, ...DATAGRAMS, ...LAYERS];
