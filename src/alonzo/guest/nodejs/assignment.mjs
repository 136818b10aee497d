// A process that was started before its function was known waits here for it (`guest/prestart.py`).

import { closeSync, readSync, writeSync } from "node:fs";
import Module from "node:module";

import { rehearse } from "./rehearsal.mjs";

const READ_BYTES = 65_536;

/** Returns when the process has the face of one that was started for its function. */
export async function waitForAssignment(descriptor) {
  await rehearse();
  const line = exchange(descriptor);
  closeSync(descriptor);
  if (line === undefined) process.exit(0); // init is gone, and this sandbox with it
  const { variables, directory } = JSON.parse(line);
  for (const [name, value] of Object.entries(variables)) {
    if (process.env[name] !== value) process.env[name] = value;
  }
  Module._initPaths(); // NODE_PATH is read when node starts, or when it is told to
  process.chdir(directory);
}

/** Say that this process is ready, and read its assignment: a line. */
function exchange(descriptor) {
  try {
    writeSync(descriptor, "\n");
  } catch (error) {
    if (error.code !== "EPIPE") throw error; // the assignment has come already, and nobody waits for the word any more
  }
  let line = Buffer.alloc(0);
  const part = Buffer.alloc(READ_BYTES);
  while (line.at(-1) !== 0x0a) {
    const count = readSync(descriptor, part);
    if (count === 0) return undefined;
    line = Buffer.concat([line, part.subarray(0, count)]);
  }
  return line.toString();
}
