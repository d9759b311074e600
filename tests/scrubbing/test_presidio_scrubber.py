"""What identifies people is taken out of a query; numbers that are nobody's stay."""

import os
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from benchmarks import _nobodys, _personal
from connectors.scrubbing.presidio import PresidioScrubber, build, could_hold_something
from kempelen.records import Scrubbed
from kempelen.text import normalise, terms

ROOT = Path(__file__).resolve().parents[2]
STREAM = ROOT / "console" / "data" / "corona" / "stream.parquet"


def scrubbed(text: str) -> str:
    (found,) = build().scrub([text])
    return found.text


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ("my email is jane.doe@example.org call me +49 30 1234567", "my email is <email> call me <phone>"),
        ("jane.doe@corp.internal", "<email>"),
        ("mail jane.doe@gmail please", "mail <email> please"),
        ("jane dot doe at gmail dot com", "<email>"),
        ("who called 212-736-5000", "who called <phone>"),
        ("06 12 34 56 78 avis", "<phone> avis"),
        ("call me on 555 0123 4", "call me on <phone>"),
        ("我的电话13800138000", "我的电话<phone>"),
        ("اتصل +٤٩٣٠١٢٣٤٥٦٧", "اتصل <phone>"),
        ("card 4111 1111 1111 1111 pay", "card <card> pay"),
        ("3782.822463.10005", "<card>"),
        ("send to es91 2100 0418 4502 0005 1332 bank please", "send to <iban> bank please"),
        ("DE89370400440532013000", "<iban>"),
        ("1a1zp1ep5qgefi2dmptftl5slmv7divfna", "<wallet>"),
        ("bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq", "<wallet>"),
        ("who is 84.112.33.201", "who is <ip>"),
        ("2a00:1450:4001:81b::200eとは", "<ip>とは"),
        ("00:1a:2b:3c:4d:5e", "<mac>"),
        ("linkedin.com/in/jane-doe", "linkedin.com/<url>"),
        ("https://jane:secret@host.example.com/x", "https://<url>"),
        ("536-90-4399", "<national_id>"),
        ("ab 12 34 56 c", "<national_id>"),
        ("529.982.247-25", "<national_id>"),
        ("passport c01x00t47", "passport <passport>"),
        ("mein konto 1234567890", "mein konto <account>"),
    ],
)
def test_what_identifies_a_person_is_replaced_by_its_kind(query: str, shown: str) -> None:
    assert scrubbed(query) == shown


@pytest.mark.parametrize(
    "query",
    [
        *("set alarm for 555", "corona 2020", "1234567", "covid-19", "20200131", "31.01.2020", "lh 454", "04 05 2020"),
        *("price 1,299.99 euro", "1234567890.50", "$2127365000", "7 800 000 000 people", "pi 3.14159265358979"),
        *("version 84.112.33.201", "itunes 12.10.3.1", "firmware 23.26.28.989", "chrome 79.0.3945.130", "192.168.1.1"),
        *("4 8 15 16 23 42", "1 2 3 4 5 6 7 8 9", "call of duty 2019 2020", "nie wieder 2019", "zip code 88484-3967"),
        *(
            "facebook.com",
            "www.bbc.co.uk",
            "node.js/react",
            "24/7 and/or",
            "std::vector::size",
            "meet at amazon dot com",
        ),
        *("isbn 9783161484100", "2019-2020 season 14:30:00", "84.7991, -53.9152", "windows 10 build 18363.592"),
    ],
)
def test_a_number_that_is_nobodys_stays(query: str) -> None:
    assert build().scrub([query]) == [Scrubbed(text=query, kinds=())]


def test_the_kinds_are_told_once_each_and_in_order() -> None:
    (found,) = build().scrub(["a.b@example.org or +49 30 1234567 or c.d@example.org"])
    assert found == Scrubbed(text="<email> or <phone> or <email>", kinds=("email", "phone"))


def test_names_and_addresses_are_not_found_and_nobody_should_believe_it() -> None:
    assert scrubbed("jane doe 12 baker street london") == "jane doe 12 baker street london"


@pytest.fixture(scope="module")
def made_up() -> list[str]:
    rng = np.random.default_rng(11)
    return [*(one.query for one in _personal.corpus(rng, 4)), *_nobodys.queries(rng, 4)]


def test_what_is_passed_over_holds_nothing(made_up: list[str]) -> None:
    scrubber = PresidioScrubber()
    real = parquet.read_table(STREAM, columns=["text"])["text"].to_pylist()[::150]
    lost = [text for text in [*made_up, *real] if scrubber.findings(text) and not could_hold_something(text)]
    assert lost == []
    assert sum(map(could_hold_something, real)) < 0.2 * len(real)


def test_every_form_that_is_sought_is_found_somewhere() -> None:
    corpus = list(_personal.corpus(np.random.default_rng(12), 4))
    found = build().scrub([one.query for one in corpus])
    forms = {(one.kind, one.form) for one in corpus if one.kind not in {"name", "address", "plate", "number"}}
    assert forms <= {(one.kind, one.form) for one, said in zip(corpus, found, strict=True) if one.kind in said.kinds}


def test_a_scrubbed_query_is_normal_and_is_not_scrubbed_again(made_up: list[str]) -> None:
    once = [found.text for found in build().scrub(made_up)]
    assert [normalise(text) for text in once] == once
    assert [found.text for found in build().scrub(once)] == once
    assert terms("call <phone>") == ["call", "phone"]


def test_findings_below_the_least_score_are_left() -> None:
    query = "who called 212-736-5000"
    assert PresidioScrubber(least_score=0.9).scrub([query]) == [Scrubbed(text=query, kinds=())]


pieces = st.sampled_from(
    ["@", "+49", "4111", " ", "-", ".", "::", "/", "de89", "0x", "tel", "٣", "²", "电话", "\u0000", "[", "http://"]
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.one_of(
        st.text(max_size=60), st.lists(st.one_of(pieces, st.text("0123456789", max_size=6)), max_size=14).map("".join)
    )
)
def test_any_text_can_be_scrubbed(text: str) -> None:
    scrubber = PresidioScrubber()
    found = scrubber.findings(text)
    assert all(0 <= one.start < one.end <= len(text) for one in found)
    assert all(a.end <= b.start for a, b in pairwise(found))


ALONE = """
import logging, sys
logging.basicConfig(level=logging.DEBUG, filename=sys.argv[1])
def forbid(event, arguments):
    if event in {"socket.connect", "socket.getaddrinfo", "socket.sendto"}:
        raise SystemExit(f"{event}: {arguments}")
sys.addaudithook(forbid)
from connectors.scrubbing.presidio import build
scrubber = build()
assert scrubber.scrub(["set alarm for 555"])[0].kinds == ()
assert "presidio_analyzer" not in sys.modules, "imported before it is needed"
texts = ["jane.doe@example.org", "linkedin.com/in/jane-doe", "de89 3704 0044 0532 0130 01 \\u00b2", "+49 30 1234567"]
print(*(found.text for found in scrubber.scrub(texts)))
"""


def test_no_network_no_cache_no_early_import_and_no_personal_data_in_the_log(tmp_path: Path) -> None:
    log, cache = tmp_path / "log", tmp_path / "cache"
    done = subprocess.run(
        [sys.executable, "-c", ALONE, str(log)],
        env=os.environ | {"XDG_CACHE_HOME": str(cache), "HOME": str(tmp_path), "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.split()[:2] == ["<email>", "linkedin.com/<url>"]
    assert "tldextract" not in str(list(tmp_path.rglob("*")))
    assert not [line for line in log.read_text().splitlines() if "presidio" in line or "jane" in line]


def test_a_text_too_long_to_be_searched_is_shown_to_nobody() -> None:
    digits, words = "1 " * 251, "how to " * 100
    assert build().scrub([digits]) == [Scrubbed(text="<too_long>", kinds=("too_long",))]
    assert build().scrub([words]) == [Scrubbed(text=words, kinds=())]
    assert scrubbed("call 212-736-5000 " + "x" * 480) == "call <phone> " + "x" * 480
