/** The command line from its sources: what cli/flowstitch.js starts once it is built. */
import { main } from '../../cli/main.ts';

await main(process.argv.slice(2));
