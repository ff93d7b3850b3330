// Throw-away projects: the packed package, installs, servers that a project starts, and attempts with
// a time limit. `--only=TEXT` leaves out the attempts whose name lacks the text.

import { execFile, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { verdict, within } from './browser.mjs';
import { root } from './server.mjs';

/** The milliseconds that an attempt, or a command in one, may take. */
const LIMIT = 300_000;
const only = process.argv.find((argument) => argument.startsWith('--only='))?.slice(7) ?? '';
const servers = new Set();
let passed = 0, failed = 0;

export const scratch = mkdtempSync(join(tmpdir(), 'windrow-package-'));

const execute = promisify(execFile);
export const run = (command, given, options) => execute(command, given, { timeout: LIMIT, ...options });

const { stdout } = await run('npm', ['pack', '--silent', '--pack-destination', scratch], { cwd: join(root, 'www/pkg') });
export const tarball = join(scratch, stdout.trim().split('\n').at(-1));

/** Installs the tarball, and more packages, into the project of a folder. */
export async function install(folder, ...packages) {
  await run('npm', ['install', '--silent', '--no-audit', '--no-fund', '--no-save', tarball, ...packages], { cwd: folder });
}

export async function attempt(what, test) {
  if (!what.includes(only)) return;
  const start = Date.now();
  try {
    const more = await within(LIMIT, test(), what);
    passed += 1;
    console.log(`ok ${what}${more ? `: ${more}` : ''} (${Math.round((Date.now() - start) / 1000)} s)`);
  } catch (error) {
    failed += 1;
    console.log(`FAILED ${what}\n  ${`${error.stdout ?? ''}${error.stderr ?? ''}${error.stack}`.replaceAll('\n', '\n  ').slice(0, 6000)}`);
  }
}

/** Starts the server of a project with a free `--port`, calls `use(url)` once the server answers, and ends the server. */
export async function answering(folder, [program, ...given], use) {
  const port = await free();
  const server = spawn(program, [...given, '--port', String(port)], { cwd: folder, detached: true });
  servers.add(server.pid);
  let said = '';
  for (const stream of [server.stdout, server.stderr]) stream.on('data', (text) => (said += text));
  try {
    const url = `http://localhost:${port}/`;
    for (let tries = 0; !(await fetch(url).then(({ ok }) => ok, () => false)); tries++) {
      if (tries > 300) throw Error(`${program} ${given.join(' ')} does not answer:\n${said}`);
      await new Promise((later) => setTimeout(later, 100));
    }
    return await use(url);
  } finally {
    stop(server.pid);
  }
}

/** Ends a server with all processes that it started. */
function stop(pid) {
  servers.delete(pid);
  try {
    process.kill(-pid, 'SIGKILL');
  } catch (error) {
    if (error.code !== 'ESRCH') throw error;
  }
}

function free() {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

/** Removes the projects, and ends the program: with an error code if an attempt failed or no attempt ran. */
export function end() {
  for (const pid of servers) stop(pid);
  rmSync(scratch, { recursive: true, force: true });
  verdict(passed, failed);
}
