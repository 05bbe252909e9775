// Checks a glTF or GLB file with the official Khronos validator: node scripts/validate_gltf.mjs FILE
// The package is looked for in HUMANRIG_GLTF_VALIDATOR (a folder with node_modules), else in the repository:
//   npm install --no-save gltf-validator
// Prints counts and messages. Exit code: 0 without errors, 1 with errors, 2 when nothing could be checked.
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const MESSAGES_SHOWN = 50;
const SEVERITIES = ['error', 'warning', 'info', 'hint'];

function stop(message) {
  console.error(message);
  process.exit(2);
}

function loadValidator() {
  const repository = dirname(dirname(fileURLToPath(import.meta.url)));
  const folder = process.env.HUMANRIG_GLTF_VALIDATOR || repository;
  try {
    return createRequire(join(resolve(folder), 'anything.js'))('gltf-validator');
  } catch (error) {
    if (error.code !== 'MODULE_NOT_FOUND') throw error;
    return stop(`gltf-validator is not in ${join(folder, 'node_modules')}; run: npm install --prefix FOLDER ` +
      'gltf-validator, and set HUMANRIG_GLTF_VALIDATOR=FOLDER');
  }
}

const file = process.argv[2];
if (!file) stop('usage: node scripts/validate_gltf.mjs FILE');
const validator = loadValidator();
const bytes = await readFile(file).catch((error) => stop(`${file} cannot be read (${error.code})`));
const report = await validator
  .validateBytes(new Uint8Array(bytes), { uri: file, maxIssues: 1000 })
  .catch((error) => ({ refused: error }));
if (report.refused) {
  console.log(`${file}: 1 errors\nerror: ${report.refused}`);
  process.exit(1);
}
const { issues } = report;
const counts = ['numErrors', 'numWarnings', 'numInfos', 'numHints'].map((key) => issues[key]);
console.log(`${file}: ${counts[0]} errors, ${counts[1]} warnings, ${counts[2]} infos, ${counts[3]} hints ` +
  `(gltf-validator ${validator.version()})`);
for (const issue of issues.messages.slice(0, MESSAGES_SHOWN)) {
  console.log(`${SEVERITIES[issue.severity]}: ${issue.code} ${issue.pointer ?? `at byte ${issue.offset}`}: ${issue.message}`);
}
if (issues.messages.length > MESSAGES_SHOWN) console.log(`and ${issues.messages.length - MESSAGES_SHOWN} more`);
process.exit(issues.numErrors > 0 ? 1 : 0);
