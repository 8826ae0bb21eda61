"""The tasks of the Celery peer. Settings come from the environment, as `celery worker` imports this file by itself."""

import os

from celery import Celery

BROKER = os.environ["BENCH_BROKER"]
MYSQL_PORT = int(os.environ.get("BENCH_MYSQL_PORT", "0"))
MYSQL_SCHEMA = os.environ.get("BENCH_MYSQL_SCHEMA", "")

app = Celery("bench", broker=BROKER)
app.conf.update(
    # Not lost with a killed worker; without it Celery acknowledges before the task runs.
    task_acks_late=True,
    task_ignore_result=True,
    worker_prefetch_multiplier=int(os.environ.get("BENCH_PREFETCH", "64")),
    worker_send_task_events=False,
    worker_enable_remote_control=False,
    task_default_queue="bench",
    broker_connection_retry_on_startup=True,
)

connection = None


@app.task(name="noop")
def noop(n):
    pass


@app.task(name="write")
def write(n):
    """One writing transaction, on a connection each worker process keeps."""
    global connection
    if connection is None:
        import pymysql

        connection = pymysql.connect(
            host="127.0.0.1",
            port=MYSQL_PORT,
            user="nano",
            password="nano",
            database=MYSQL_SCHEMA,
            autocommit=False,
        )
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO peer_writes (n) VALUES (%s)", (n,))
    connection.commit()
