"""The accounts of the simulated annotators in Label Studio: invited, signed up, and found again.

A password is written down before it is used, so that a run that was killed in between logs in with
it. Whoever reads the file can only ever speak as somebody who does not exist.
"""

import json
import os
import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from http import HTTPStatus
from pathlib import Path

import httpx

from connectors.annotation.label_studio import SIMULATED_DOMAIN
from kempelen.errors import ConnectorRefused

_TIMEOUT_S = 60.0
_SYSTEM = "Label Studio"
_CSRF = re.compile(r'name="csrfmiddlewaretoken" value="([^"]+)"')


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """A user of Label Studio who stands for a persona."""

    user_id: int
    token: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Login:
    email: str
    password: str
    token: str = ""


def accounts(url: str, admin_token: str, names: Sequence[str], state_folder: Path) -> dict[str, Account]:
    """The account of each name; signed up on the first call, logged in on later ones.

    Raises ConnectorRefused when Label Studio lets nobody sign up, or refuses the admin's token;
    httpx errors when it does not answer.
    """
    file = state_folder / "personas.json"
    logins = _read(file)
    return {name: _account(url, admin_token, name, logins, file) for name in names}


def _account(url: str, admin_token: str, name: str, logins: dict[str, _Login], file: Path) -> Account:
    attempt = 1
    login = logins.get(name) or _write(file, logins, name, _new_login(name, attempt))
    account = _known(url, login.token) or _log_in(url, login)
    while account is None:
        if not _signed_up(url, admin_token, login):
            # The address is taken and its password lost: somebody new, with a number.
            attempt += 1
            login = _write(file, logins, name, _new_login(name, attempt))
        account = _log_in(url, login)
    if account.token != login.token:
        _write(file, logins, name, replace(login, token=account.token))
    return account


def _new_login(name: str, attempt: int) -> _Login:
    local = name if attempt == 1 else f"{name}-{attempt}"
    return _Login(email=f"{local}{SIMULATED_DOMAIN}", password=secrets.token_urlsafe(24))


def client(url: str, token: str | None = None) -> httpx.Client:
    """A client that speaks as the owner of the token."""
    headers = {"Authorization": f"Token {token}"} if token else {}
    return httpx.Client(base_url=url, headers=headers, timeout=_TIMEOUT_S)


def _read(file: Path) -> dict[str, _Login]:
    try:
        return {name: _Login(**login) for name, login in json.loads(file.read_text(encoding="utf-8")).items()}
    except (FileNotFoundError, ValueError, TypeError, AttributeError):
        return {}


def _write(file: Path, logins: dict[str, _Login], name: str, login: _Login) -> _Login:
    """Put the login on disk, readable by its owner alone, all of it or nothing."""
    logins[name] = login
    file.parent.mkdir(parents=True, exist_ok=True)
    unfinished = file.with_suffix(".tmp")
    unfinished.unlink(missing_ok=True)
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as handle:
        json.dump({each: asdict(entry) for each, entry in logins.items()}, handle, indent=2)
        handle.flush()
        os.fsync(handle.fileno())
    unfinished.replace(file)
    return login


def _known(url: str, token: str) -> Account | None:
    """Whose token it is, or None when Label Studio does not know it."""
    if not token:
        return None
    with client(url, token) as browser:
        answer = browser.get("/api/current-user/whoami")
    if answer.status_code == HTTPStatus.UNAUTHORIZED:
        return None
    return Account(user_id=answer.raise_for_status().json()["id"], token=token)


def _log_in(url: str, login: _Login) -> Account | None:
    """The account, or None when Label Studio does not know this address and password."""
    with client(url) as browser:
        answer = _post_form(browser, "/user/login/", {"email": login.email, "password": login.password})
        if answer.status_code != HTTPStatus.FOUND:
            return None
        token = browser.get("/api/current-user/token").raise_for_status().json()["token"]
    return _known(url, token)


def _signed_up(url: str, admin_token: str, login: _Login) -> bool:
    """Whether the sign-up by invitation was accepted; it is not when the address is taken."""
    with client(url, admin_token) as admin:
        invitation = admin.get("/api/invite").raise_for_status().json()["invite_url"]
    with client(url) as browser:
        form = {"email": login.email, "password": login.password, "allow_newsletters": "false"}
        answer = _post_form(browser, invitation, form)
    if answer.status_code == HTTPStatus.OK and "already" not in answer.text:
        raise ConnectorRefused(
            "it lets no simulated annotator sign up.",
            system=_SYSTEM,
            hint="Allow sign-up by invitation, and check that its password rules take 32 random characters.",
        )
    return answer.status_code == HTTPStatus.FOUND


def _post_form(browser: httpx.Client, path: str, fields: Mapping[str, str]) -> httpx.Response:
    page = browser.get(path).raise_for_status()
    token = _CSRF.search(page.text)
    if token is None:
        raise ConnectorRefused(
            f"there is no form at {path.partition('?')[0]}.",
            system=_SYSTEM,
            hint="Is servers.label_studio_url the address of Label Studio, without another sign-in before it?",
        )
    address = str(browser.base_url.join(path))
    return browser.post(path, data={"csrfmiddlewaretoken": token[1], **fields}, headers={"Referer": address})
