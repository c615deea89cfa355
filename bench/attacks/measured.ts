/** Child: the command line, and what it has used, written to the file that the environment names, when it ends. */
import { writeFileSync } from 'node:fs';
import { main } from '../../cli/main.ts';

process.on('exit', () => {
  const { userCPUTime, systemCPUTime, maxRSS } = process.resourceUsage();
  const used = { cpuSeconds: (userCPUTime + systemCPUTime) / 1e6, peakMB: (maxRSS * 1024) / 1e6 };
  writeFileSync(process.env.FLOWSTITCH_USAGE!, JSON.stringify(used));
});
await main(process.argv.slice(2));
