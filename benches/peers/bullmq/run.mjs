// BullMQ in the benchmarks: prints one line of JSON, which benches/src/peers.rs reads.
//
//   node run.mjs enqueue --redis PORT --jobs N --batch N
//   node run.mjs drain   --redis PORT --jobs N --batch N --concurrency N
//   node run.mjs idle    --redis PORT --jobs N --pause-ms N --concurrency N
//   node run.mjs loaded  --redis PORT --rate N --seconds N --concurrency N
//
// The first two also with --postgres URL --connections N instead of --redis PORT. The Redis server it is given is wiped
// first: give it one of its own. The PostgreSQL database must be empty.

import { fork } from 'node:child_process';
import { createRequire } from 'node:module';
import { parseArgs } from 'node:util';
import { fileURLToPath } from 'node:url';
import { Queue, Worker, createPostgresBackend, runMigrations, setDefaultBackendFactory } from 'bullmq';
import IORedis from 'ioredis';
import pg from 'pg';

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    redis: { type: 'string' },
    postgres: { type: 'string' },
    connections: { type: 'string', default: '10' },
    jobs: { type: 'string', default: '50000' },
    batch: { type: 'string', default: '1000' },
    concurrency: { type: 'string', default: '100' },
    'pause-ms': { type: 'string', default: '20' },
    rate: { type: 'string', default: '1000' },
    seconds: { type: 'string', default: '10' },
  },
});
const number = (name) => {
  const value = Number(values[name]);
  if (!Number.isInteger(value) || value < 1) throw new Error(`--${name} must be a whole number above 0`);
  return value;
};
const onPostgres = values.postgres !== undefined;
const connection = onPostgres
  ? { connectionString: values.postgres, max: number('connections') }
  : { host: '127.0.0.1', port: number('redis'), maxRetriesPerRequest: null };
if (onPostgres) setDefaultBackendFactory(createPostgresBackend);
const name = 'bench';
// The lightest BullMQ has: nothing is kept of a finished job.
const keepNothing = { removeOnComplete: true, removeOnFail: true };
const version = createRequire(import.meta.url)('bullmq/package.json').version;

// Wall clock in microseconds, comparable between processes of this machine.
const now = () => Math.round((performance.timeOrigin + performance.now()) * 1000);
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const peer = `BullMQ ${version}${onPostgres ? ' on PostgreSQL' : ''}`;
const report = (fields) => process.stdout.write(`${JSON.stringify({ peer, ...fields })}\n`);

async function prepare() {
  if (onPostgres) {
    const client = new pg.Client({ connectionString: values.postgres });
    await client.connect();
    await runMigrations(client);
    await client.end();
    return;
  }
  const redis = new IORedis(connection);
  await redis.flushdb();
  await redis.quit();
}

async function enqueue(queue, jobs, batch) {
  const started = process.hrtime.bigint();
  for (let first = 0; first < jobs; first += batch) {
    const size = Math.min(batch, jobs - first);
    await queue.addBulk(
      Array.from({ length: size }, (_, i) => ({ name: 'noop', data: { n: first + i }, opts: keepNothing })),
    );
  }
  return Number(process.hrtime.bigint() - started) / 1e9;
}

async function drain(jobs, concurrency) {
  let started;
  let done = 0;
  const worker = new Worker(
    name,
    async () => {
      started ??= process.hrtime.bigint();
    },
    { connection, concurrency, autorun: false },
  );
  worker.on('error', (error) => {
    throw error;
  });
  const seconds = new Promise((resolve) => {
    worker.on('completed', () => {
      done += 1;
      if (done === jobs) resolve(Number(process.hrtime.bigint() - started) / 1e9);
    });
  });
  worker.run();
  const took = await seconds;
  await worker.close();
  return took;
}

// The worker of the pickup scenarios is a process of its own, as in production.
async function startedBy(jobs, push) {
  const child = fork(fileURLToPath(import.meta.url), ['worker', ...process.argv.slice(3)]);
  await new Promise((resolve) => child.once('message', resolve));
  const pushed = await push();
  const starts = await new Promise((resolve) => {
    child.once('message', resolve);
    child.send({ jobs });
  });
  child.kill();
  const micros = [];
  for (const [n, at] of pushed) {
    if (starts[n] !== undefined) micros.push(Math.max(0, starts[n] - at));
  }
  return micros;
}

async function worker() {
  const starts = {};
  let seen = 0;
  let wanted = Infinity;
  const tell = () => {
    if (seen >= wanted) process.send(starts);
  };
  const consumer = new Worker(
    name,
    async (job) => {
      starts[job.data.n] = now();
      if (job.data.ms) await pause(job.data.ms);
      seen += 1;
      tell();
    },
    { connection, concurrency: number('concurrency') },
  );
  await consumer.waitUntilReady();
  process.on('message', ({ jobs }) => {
    wanted = jobs;
    tell();
  });
  process.send('ready');
}

async function idle(queue, jobs, pauseMs) {
  return startedBy(jobs, async () => {
    await pause(1000);
    const pushed = [];
    for (let n = 0; n < jobs; n += 1) {
      await queue.add('one', { n }, keepNothing);
      pushed.push([n, now()]);
      // Spread, so that no rhythm of either side shows.
      await pause(pauseMs * (0.5 + Math.random()));
    }
    return pushed;
  });
}

async function loaded(queue, rate, seconds) {
  const jobs = rate * seconds;
  return startedBy(jobs, async () => {
    const pushed = [];
    const waiting = [];
    const started = now();
    for (let n = 0; n < jobs; ) {
      const due = Math.min(jobs, Math.floor(((now() - started) * rate) / 1e6));
      for (; n < due; n += 1) {
        const job = n;
        waiting.push(queue.add('one', { n: job, ms: 1 }, keepNothing).then(() => pushed.push([job, now()])));
      }
      await pause(1);
    }
    await Promise.all(waiting);
    return pushed;
  });
}

const [scenario] = positionals;
if (scenario === 'worker') {
  await worker();
} else {
  await prepare();
  const queue = new Queue(name, { connection });
  await queue.waitUntilReady();
  const jobs = number('jobs');
  const concurrency = number('concurrency');
  switch (scenario) {
    case 'enqueue':
      report({ scenario, jobs, seconds: await enqueue(queue, jobs, number('batch')) });
      break;
    case 'drain':
      await enqueue(queue, jobs, number('batch'));
      report({
        scenario,
        jobs,
        seconds: await drain(jobs, concurrency),
        note: `concurrency ${concurrency}${onPostgres ? `, ${values.connections} connections at most` : ''}`,
      });
      break;
    case 'idle':
      report({ scenario, jobs, micros: await idle(queue, jobs, number('pause-ms')) });
      break;
    case 'loaded': {
      const micros = await loaded(queue, number('rate'), number('seconds'));
      report({ scenario, jobs: micros.length, micros });
      break;
    }
    default:
      throw new Error('usage: node run.mjs enqueue|drain|idle|loaded --redis PORT …');
  }
  await queue.close();
  process.exit(0);
}
