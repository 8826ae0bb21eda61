"""Verifies one message as its receiver would, with the official library of Python.

Standard input: {"secret", "headers", "body"} in JSON. Exit status 0: it is ours, and its type is on standard output; 1: it is not.
"""

import json
import sys

from standardwebhooks import Webhook, WebhookVerificationError

given = json.load(sys.stdin)
try:
    message = Webhook(given["secret"]).verify(given["body"], given["headers"])
except WebhookVerificationError as error:
    sys.exit(f"refused: {error}")
print(message["type"])
