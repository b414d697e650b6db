"""An application on py-eureka-client, with its servers written down."""

import os
import signal
import threading

from py_eureka_client import eureka_client

app = os.environ["COMPAT_APP"]
port = int(os.environ["COMPAT_PORT"])
seconds = int(os.environ["COMPAT_INTERVAL"])

stopped = threading.Event()
signal.signal(signal.SIGTERM, lambda *_: stopped.set())

client = eureka_client.init(
    eureka_server=os.environ["COMPAT_SERVERS"],
    app_name=app,
    instance_id=f"127.0.0.1:{app.lower()}:{port}",
    instance_host="127.0.0.1",
    instance_ip="127.0.0.1",
    instance_port=port,
    renewal_interval_in_secs=seconds,
    duration_in_secs=int(os.environ["COMPAT_LEASE"]),
)

while not stopped.wait(seconds):
    up = [a.name for a in client.applications.applications if a.up_instances]
    print("sees", *sorted(up), flush=True)

eureka_client.stop()
