#!/usr/bin/env python3
"""Celery in the benchmarks: prints one line of JSON, which benches/src/peers.rs reads.

The Redis server it is given is wiped first: give it one of its own.
"""

import argparse
import json
import os
import pathlib
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("scenario", choices=["enqueue", "drain", "write"])
    parser.add_argument("--redis", type=int, required=True, metavar="PORT")
    parser.add_argument("--jobs", type=int, default=50_000)
    parser.add_argument("--pool", choices=["prefork", "threads", "solo"], default="prefork")
    parser.add_argument("--concurrency", type=int, default=2)
    parser.add_argument("--prefetch", type=int, default=64, help="messages fetched ahead per process or thread")
    parser.add_argument("--mysql-port", type=int, default=0)
    parser.add_argument("--mysql-schema", default="")
    return parser.parse_args()


def enqueue(task, jobs):
    """Over one kept producer: apply_async would otherwise take one from the pool for each message."""
    started = time.perf_counter()
    with task.app.producer_or_acquire() as producer:
        for n in range(jobs):
            task.apply_async((n,), producer=producer)
    return time.perf_counter() - started


def drain(redis, options):
    """From the first message taken to the last acknowledged; the start of the worker does not count."""
    command = [sys.executable, "-m", "celery", "-A", "tasks", "worker", "--queues", "bench"]
    command += ["--pool", options.pool, "--concurrency", str(options.concurrency), "--loglevel", "error"]
    command += ["--without-gossip", "--without-mingle", "--without-heartbeat"]
    environment = dict(os.environ, C_FORCE_ROOT="1", PYTHONWARNINGS="ignore")
    worker = subprocess.Popen(command, cwd=HERE, env=environment, stdout=sys.stderr)
    try:
        started = None
        while True:
            waiting, unacknowledged = redis.llen("bench"), redis.hlen("unacked")
            if started is None and (waiting < options.jobs or unacknowledged):
                started = time.perf_counter()
            if started is not None and waiting == 0 and unacknowledged == 0:
                return time.perf_counter() - started
            if worker.poll() is not None:
                raise SystemExit(f"the Celery worker ended early with status {worker.returncode}")
            time.sleep(0.02)
    finally:
        worker.terminate()
        worker.wait(30)


def main():
    options = arguments()
    os.environ.update(
        BENCH_BROKER=f"redis://127.0.0.1:{options.redis}/0",
        BENCH_PREFETCH=str(options.prefetch),
        BENCH_MYSQL_PORT=str(options.mysql_port),
        BENCH_MYSQL_SCHEMA=options.mysql_schema,
    )
    sys.path.insert(0, str(HERE))
    import celery
    import redis as client

    import tasks

    redis = client.Redis(port=options.redis)
    redis.flushdb()
    task = tasks.write if options.scenario == "write" else tasks.noop
    seconds = enqueue(task, options.jobs)
    note = ""
    if options.scenario != "enqueue":
        seconds = drain(redis, options)
        note = f"{options.pool}, concurrency {options.concurrency}, prefetch {options.prefetch}, acks_late"
    line = {"peer": f"Celery {celery.__version__}", "scenario": options.scenario, "jobs": options.jobs}
    print(json.dumps(line | {"seconds": seconds, "note": note}), flush=True)


if __name__ == "__main__":
    main()
