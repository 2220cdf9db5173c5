from __future__ import annotations

import json
import random
import time
from typing import Any

import pytest

from jupyter_mlops.notebooks.secrets import SCANNED_CHARACTERS, find_secrets


def stream(text: str) -> dict[str, Any]:
    return {"output_type": "stream", "name": "stdout", "text": text}


def shown(**data: Any) -> dict[str, Any]:
    named = {key.replace("_", "/", 1): value for key, value in data.items()}
    return {"output_type": "display_data", "data": named, "metadata": {}}


# Made up, of the form that each issuer gives its own; in two parts, so that no scanner of this
# repository takes them for real.
AWS = "AKIA" + "QYLPMN5HHHFPZAM2"
SECRETS = {
    "AWS Access Key": AWS,
    "Anthropic or OpenAI API key": "sk-" + "proj-a8Kq2LmN4pR6sT8vW0xYz1Bc3De5Fg7Hi9Jk",
    "Azure storage key": "AccountKey=" + "aB3/" * 21 + "xY==",
    "Basic Auth Credentials": "postgresql://ada:" + "S3cr3tP4ss@db.internal:5432/x",
    "GitHub Token": "ghp_" + "16C7e42F292c6912E7710c838347Ae178B4a",
    "GitLab token": "glpat-" + "x1Y2z3A4b5C6d7E8f9G0",
    "Google API key": "AIza" + "SyD3kL9mN2pQ5rS8tU1vW4xY7zA0bC6dE9f",
    "Hugging Face token": "hf_" + "jWwZbQyLkNvTxRsPqMdFgHcBaYeUiOoXzK",
    "JSON Web Token": "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9" + ".eyJzdWIiOiIxMjM0NTY3ODkwIn0"
    ".SflKxwRJSMeKKF2QT4fwpMeJf36POk6yJV_adQssw5c",
    "Private Key": "-----BEGIN RSA " + "PRIVATE KEY-----\nMIIEpAIBAAKCAQEA0Z3VS5JJcds3xfn\n",
    "PyPI token": "pypi-" + "AgEIcHlwaS5vcmcCJDAwMDAwMDAwLTAwMDAtMDAwMC0wMDAwLTAwMDAwMDAw",
    "Slack Token": "xoxb-" + "123456789012-123456789012-abcdefghijklmnopqrstuvwx",
    "password or key by its name": "{'pad_token': '[PAD]', 'password': 'hunter2hunter2'}",
}


@pytest.mark.parametrize("kind", SECRETS)
def test_each_kind_is_found_among_much_else(kind: str) -> None:
    noise = "\n".join(f"epoch {n} loss {n / 7:.17f} 1.{n}e-05" for n in range(2000))
    assert find_secrets(stream(f"{noise}\n{SECRETS[kind]}\n{noise}")) == (kind,)


@pytest.mark.parametrize(
    "output",
    [
        stream(f"export MY_API_KEY={'0f1e2d3c' * 4}\nHOME=/root"),
        stream("\x1b[0;34mapi_key\x1b[0m\x1b[0;34m=\x1b[0m\x1b[0;34m'abcd1234efgh5678'\x1b[0m"),
        stream("db:\n  user: ada\n  password: Tr0ub4dor3x9Zq\n"),
        stream("password=hunter2hunter2, user=ada"),
        stream("DB_PASS=hunter2hunter2"),
        stream("MLFLOW_TRACKING_PASSWORD: hunter22hunter"),
        stream("api_key: 8f14e45fceea167a5a36dedd4bea2543"),
        shown(text_html="<td>token: &quot;abcd1234efgh5678&quot;</td>"),
        shown(application_json={"client": {"password": "abcd1234efgh"}}),
        shown(text_html=["<p>", AWS, "</p>"]),
        {"output_type": "error", "ename": "E", "evalue": "", "traceback": ["x", AWS]},
        {"output_type": "pyout", "text": [AWS]},
        {"state": {"model": {"state": {"value": AWS}}}},
        stream(f"İ password: 'abcd1234efgh' {'İ' * 10}"),
    ],
)
def test_secrets_are_found_wherever_an_output_has_text(output: dict[str, Any]) -> None:
    assert len(find_secrets(output)) == 1


def test_what_many_outputs_hold_is_no_secret() -> None:
    made = random.Random(1)
    digits = [f"{made.getrandbits(256):064x}  part-{n}.csv" for n in range(300)]
    for output in (
        stream("\n".join(digits)),
        stream("run_token: '3f2504e0-4f89-11d3-9a0c-0305e82c3301' KeyError: 'password1234'"),
        stream("{'bos_token': '<s>', 'unk_token': '<extra_id_0>', 'eos_token': '<|eot_id|>'}"),
        stream("{'tokenizer_class': 'T5TokenizerFast', 'token_type': 'word2piece'}"),
        stream("password = getpass1.getpass() ; token=os.environ['K1'] ; pad_token: <extra_id_0>"),
        stream("tokens: 12345678 max_tokens=4096 secret: None password: ******** token: 12345678"),
        stream("GET https://example.org:8080/a@b and git@github.com:ada/repo1.git PWD=/home/ada1"),
        shown(text_html="<div class='sk-toggleable__content fitted sk-container-id-1'>"),
        shown(text_html="<script>let token='abcd1234efgh5678';</script>"),
        shown(application_javascript="let token='abcd1234efgh5678'"),
        shown(image_png=AWS * 1000, text_plain="<Figure size 640x480 with 1 Axes>"),
        stream(json.dumps([made.random() / 10**6 for _ in range(1000)])),
    ):
        assert find_secrets(output) == ()


@pytest.mark.parametrize(
    "repeated",
    ["eyJ" * 1300 + "=", "KEY", "\n", "<script", "password"],
)
def test_no_text_takes_long(repeated: str) -> None:
    text = (repeated * (SCANNED_CHARACTERS // len(repeated) + 1))[:SCANNED_CHARACTERS]
    began = time.process_time()
    find_secrets(shown(text_html=text))
    assert time.process_time() - began < 20


def test_a_secret_is_found_where_a_long_text_is_taken_in_pieces() -> None:
    for before in range(2500, 4500, 100):
        assert find_secrets(stream("a1-b2_c3" * (before // 8) + " " + SECRETS["JSON Web Token"]))


def test_the_beginning_of_a_text_is_looked_at_as_far_as_is_said() -> None:
    blank = " " * (SCANNED_CHARACTERS - len(AWS))
    assert find_secrets(stream(blank + AWS))
    assert not find_secrets(stream(blank + " " + AWS))
