"""A creator's way with the generated client, from login to the catalogue, against a running API. `make test` starts one
(tests/it/clients/python.rs) and says in the environment where it is and who the creator is."""

import os
import time
from pathlib import Path
from uuid import UUID

from nano_client import AuthenticatedClient, Client
from nano_client.api.auth import get_auth_me, post_auth_login
from nano_client.api.jobs import get_jobs_id
from nano_client.api.nanos import get_categories, get_nanos, get_nanos_id, post_nanos
from nano_client.api.uploads import post_uploads_id_finish, put_nanos_id_file
from nano_client.models import (
    CreateNano,
    CreateNanoFormat,
    CreateNanoLanguage,
    CreateNanoLicense,
    Error,
    ErrorCode,
    FinishUpload,
    GetNanosLanguage,
    GetNanosSort,
    Login,
    NanoStatus,
)
from nano_client.types import File


def data(answer):
    """`data` of a good answer."""
    assert not isinstance(answer, Error) and answer is not None, answer
    return answer.data


url = os.environ["NANO_URL"]
guest = Client(base_url=url, raise_on_unexpected_status=True)

tokens = data(
    post_auth_login.sync(
        client=guest, body=Login(email=os.environ["NANO_EMAIL"], password=os.environ["NANO_PASSWORD"])
    )
)
creator = AuthenticatedClient(base_url=url, token=tokens.access_token, raise_on_unexpected_status=True)
assert data(get_auth_me.sync(client=creator)).email == os.environ["NANO_EMAIL"]

category = data(get_categories.sync(client=guest))[0]
draft = data(
    post_nanos.sync(
        client=creator,
        body=CreateNano(
            title="Reading a box plot",
            description="Median, quartiles and outliers in ten minutes.",
            duration_minutes=10,
            level=1,
            language=CreateNanoLanguage.EN,
            format_=CreateNanoFormat.MIXED,
            license_=CreateNanoLicense.CC_BY,
            categories=[category.slug],
        ),
    )
)

archive = Path(os.environ["NANO_ARCHIVE"])
with archive.open("rb") as file:
    upload = data(
        put_nanos_id_file.sync(draft.id, client=creator, body=File(payload=file), filename=archive.name)
    )
assert upload.size == archive.stat().st_size
finished = data(post_uploads_id_finish.sync(upload.id, client=creator, body=FinishUpload(changelog="The first one.")))
assert data(get_jobs_id.sync(finished.job_id, client=creator)).id == finished.job_id

deadline = time.monotonic() + float(os.environ["NANO_PATIENCE_SECONDS"])
while (nano := data(get_nanos_id.sync(draft.id, client=creator))).status != NanoStatus.PUBLISHED:
    assert time.monotonic() < deadline, f"it is still {nano.status}"
    time.sleep(0.1)

page = get_nanos.sync(client=guest, language=GetNanosLanguage.EN, sort=GetNanosSort.NEWEST)
assert [nano.title for nano in data(page) if nano.id == draft.id] == ["Reading a box plot"]
assert page.meta.total == 1

# An error has its documented shape.
missing = get_nanos_id.sync(UUID(int=0), client=guest)
assert isinstance(missing, Error) and missing.error.code == ErrorCode.NOT_FOUND
